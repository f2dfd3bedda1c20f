"""Queries on Airflow connections, with errors that quote no values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow_provider_rcs.api.errors import RcsError, RcsInputError

if TYPE_CHECKING:
    from airflow_provider_rcs.recipients.columns import Chunk


def rows_of_query(argument: str, conn_id: str, query: str) -> Iterator[Chunk]:
    """Run a query, and yield its rows in chunks: column -> cells.

    :param argument: the option that holds the query, for errors.
    :raises RcsInputError: if the query fails.
    """
    from airflow_provider_rcs.hooks.sql import stream_columns

    with _plain_errors(argument):
        yield from stream_columns(argument, conn_id, query)


def only_column_of_query(argument: str, conn_id: str, query: str) -> Iterator[Sequence[object]]:
    """Like :func:`rows_of_query`, but yield the cells of the only column.

    :raises RcsInputError: also if the query has more than one column.
    """
    from airflow_provider_rcs.hooks.sql import stream_only_column

    with _plain_errors(argument):
        yield from stream_only_column(argument, conn_id, query)


@contextmanager
def _plain_errors(argument: str) -> Iterator[None]:
    from airflow_provider_rcs.hooks.airflow_errors import first_line_without_digits

    try:
        yield
    except RcsError:
        raise
    except Exception as error:  # noqa: BLE001 - errors of drivers and of Airflow have no common class
        raise RcsInputError(
            argument, f"the query failed: {first_line_without_digits(error)}", "Try it in the database's own client."
        ) from None
