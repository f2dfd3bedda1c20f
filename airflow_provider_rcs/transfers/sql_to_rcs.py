"""The operator that sends to the recipients of a SQL query."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_provider_rcs.hooks.sql import stream_columns
from airflow_provider_rcs.operators.lineage import Query
from airflow_provider_rcs.operators.rendering import parameters_of
from airflow_provider_rcs.operators.sending import RcsSendingOperator

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    from airflow_provider_rcs.recipients.chunks import Chunk


class SqlToRcsOperator(RcsSendingOperator):
    """Send a template to the recipients that a query returns; see :class:`RcsSendingOperator` for the other arguments.

    The rows are streamed, so that lists of any length need the same memory.

    :param sql: the query, or a ``.sql`` file; it returns one row for each recipient. (templated)
    :param sql_conn_id: the connection that runs the query; any with a SQL hook. (templated)
    :param parameters: the values to bind to the query's placeholders, which are written in the style of the database's
        driver. Airflow shows how many they are, and their names. (templated)
    """

    template_fields: Sequence[str] = ("sql", "sql_conn_id", "parameters", *RcsSendingOperator.template_fields)
    template_fields_renderers: ClassVar[dict[str, str]] = {
        "sql": "sql",
        "variables": "json",
    }
    data_fields: ClassVar[Mapping[str, str]] = {"parameters": "parameter", **RcsSendingOperator.data_fields}

    def __init__(
        self,
        *,
        sql: str,
        sql_conn_id: str,
        parameters: Mapping[str, Any] | Sequence[Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.sql = sql
        self.sql_conn_id = sql_conn_id
        self.parameters = parameters

    def read_chunks(self) -> Iterable[Chunk]:
        """Return the rows of the query as columns of some rows at a time."""
        return stream_columns("sql", self.sql_conn_id, self.sql, parameters_of(self.parameters))

    def default_exclude_conn_id(self) -> str | None:
        """Return the connection of the recipients' query."""
        return self.sql_conn_id

    def recipient_sources(self) -> list[Query | ObjectStoragePath]:
        """Return the query of the recipients."""
        return [Query(self.sql, self.sql_conn_id)]
