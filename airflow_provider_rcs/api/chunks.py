"""Chunks: how lists travel from their source, as columns of some rows at a time."""

from __future__ import annotations

from collections.abc import Sequence

from airflow_provider_rcs.api.errors import RcsInputError

ROWS_A_CHUNK = 5_000


def require_distinct(argument: str, columns: Sequence[str], remedy: str) -> None:
    """Refuse a table in which a name does not say which column is meant.

    :raises RcsInputError: if two columns have the same name.
    """
    if len(set(columns)) < len(columns):
        raise RcsInputError(argument, "two columns have the same name", remedy)
