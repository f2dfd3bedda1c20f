"""From a SQL query to RCS messages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import BaseHook

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.operators.sending import RcsSendingOperator

if TYPE_CHECKING:
    from airflow_provider_rcs.sending.listing import Chunk


class SqlToRcsOperator(RcsSendingOperator):
    """Send a template to the recipients that a query returns; see :class:`RcsSendingOperator` for the other arguments.

    The rows are streamed, so that a list of any length takes the same memory.

    :param sql: the query, or a ``.sql`` file; returns one row for each recipient. (templated)
    :param sql_conn_id: the connection to query: any that has a SQL hook. (templated)
    :param parameters: values of the query's parameters, in the style of the database's driver. (templated)
    """

    template_fields: Sequence[str] = ("sql", "sql_conn_id", "parameters", *RcsSendingOperator.template_fields)
    template_ext: Sequence[str] = (".sql",)
    template_fields_renderers: ClassVar[dict[str, str]] = {"sql": "sql", "parameters": "json", "variables": "json"}

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
        """Return the rows of the query as columns, some rows at a time."""
        from airflow_provider_rcs.sending.sources import chunks_of_cursor

        return self._stream(chunks_of_cursor)

    def _stream(self, chunks_of_cursor: Any) -> Iterator[Chunk]:
        hook = BaseHook.get_connection(self.sql_conn_id).get_hook()
        if not hasattr(hook, "get_records"):
            raise RcsInputError(
                "sql_conn_id", f"the connection {self.sql_conn_id!r} is not one to a SQL database", "Name one that is."
            )
        with closing(hook.get_conn()) as connection, closing(connection.cursor()) as cursor:
            if self.parameters:
                cursor.execute(self.sql, self.parameters)
            else:
                cursor.execute(self.sql)
            yield from chunks_of_cursor(cursor)
