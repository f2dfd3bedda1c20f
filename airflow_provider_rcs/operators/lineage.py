"""The lineage of sends and loads for Airflow's OpenLineage provider, as names of tables, files and campaigns.

Without that provider no lineage is returned. It never contains SQL, because a query's text may quote a phone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseHook

if TYPE_CHECKING:
    from typing import TypeAlias

    from airflow.providers.common.compat.sdk import ObjectStoragePath
    from airflow.providers.openlineage.extractors import OperatorLineage
    from airflow.providers.openlineage.sqlparser import DatabaseInfo

    DatasetName: TypeAlias = tuple[str, str]  # namespace, name

STORE = "rcs://store"
REPORTS = (STORE, "reports")

# Databases in files have no host for their namespace, and their hooks give no OpenLineage names.
_FILE_DATABASES = ("sqlite", "duckdb")
_FILE_DATABASE_SCHEMA = "main"
_PLACEHOLDER = re.compile(r"%%|%(?:\(\w+\))?s")


@dataclass(frozen=True, slots=True)
class Query:
    """A query that an operator runs, with its connection."""

    sql: str
    conn_id: str


def lineage_of_send(
    campaign: str | None, sources: Iterable[Query | ObjectStoragePath]
) -> OperatorLineage[Any, Any] | None:
    """Return the tables and files that a send reads, and the campaign that it writes.

    :param campaign: the campaign's name; ``None`` if nothing was sent.
    :param sources: the queries, files and folders of the recipients and of the excluded phones; of a pattern of files,
        the folder is named.
    """
    if not _is_installed():
        return None
    inputs = [name for source in sources for name in _names_of(source)]
    return _lineage(inputs, [] if campaign is None else [campaign_name(campaign)])


def lineage_of_load(
    campaigns: Iterable[str], target_conn_id: str, schema: str | None
) -> OperatorLineage[Any, Any] | None:
    """Return the campaigns that a load reads, and the warehouse's tables that it writes.

    :param campaigns: the names of the campaigns with new data.
    :param schema: the warehouse's schema; ``None`` for the connection's own.
    """
    if not _is_installed():
        return None
    from airflow_provider_rcs.warehouse.tables import warehouse_tables

    database = _database(target_conn_id)
    tables = warehouse_tables(None).loaded
    outputs = [database.table_name(None, schema, table.name) for table in tables] if database else []
    return _lineage([*map(campaign_name, campaigns), REPORTS], outputs)


def lineage_of_landing(sources: Iterable[Query | ObjectStoragePath]) -> OperatorLineage[Any, Any] | None:
    """Return the tables and files that reports were landed from, and the reports of the store."""
    if not _is_installed():
        return None
    return _lineage([name for source in sources for name in _names_of(source)], [REPORTS])


def campaign_name(campaign: str) -> DatasetName:
    """Return the OpenLineage name of a campaign."""
    return STORE, f"campaigns/{campaign}"


@dataclass(frozen=True, slots=True)
class _Database:
    """The parts of a database that the names of its tables contain."""

    info: DatabaseInfo
    dialect: str
    schema: str | None

    def table_name(self, database: str | None, schema: str | None, table: str) -> DatasetName:
        from airflow.providers.openlineage.sqlparser import SQLParser

        parts = (database or self.info.database, schema or self.schema, table)
        name = ".".join(part for part in parts if part)
        return SQLParser.create_namespace(self.info), name.upper() if self.info.is_uppercase_names else name


def _is_installed() -> bool:
    try:
        import airflow.providers.openlineage.extractors
        import airflow.providers.openlineage.sqlparser  # noqa: F401
    except ImportError:
        return False
    return True


def _lineage(inputs: Iterable[DatasetName], outputs: Iterable[DatasetName]) -> OperatorLineage[Any, Any]:
    from airflow.providers.common.compat.openlineage.facet import Dataset
    from airflow.providers.openlineage.extractors import OperatorLineage

    return OperatorLineage(
        inputs=[Dataset(namespace=namespace, name=name) for namespace, name in dict.fromkeys(inputs)],
        outputs=[Dataset(namespace=namespace, name=name) for namespace, name in outputs],
    )


def _names_of(source: Query | ObjectStoragePath) -> Iterator[DatasetName]:
    if isinstance(source, Query):
        yield from _tables_of(source)
        return
    # Not at the top: a DAG is parsed without the sources.
    from airflow_provider_rcs.sending.sources.paths import fixed_part

    if source.protocol == "file":
        yield "file", fixed_part(source.path) or "/"
    else:
        yield source.namespace, fixed_part(source.key) or "/"


def _tables_of(query: Query) -> Iterator[DatasetName]:
    from airflow.providers.openlineage.sqlparser import SQLParser

    database = _database(query.conn_id)
    if database is None:
        return
    # Without a default schema: with one, the parser leaves out the tables that a WITH clause reads.
    parser = SQLParser(dialect=database.dialect)
    # The parser does not understand the placeholders of Python's database drivers.
    sql = _PLACEHOLDER.sub(lambda match: "%" if match[0] == "%%" else "NULL", query.sql)
    parsed = parser.parse(parser.split_sql_string(sql))
    for table in parsed.in_tables if parsed else ():
        yield database.table_name(table.database, table.schema, table.name)


def _database(conn_id: str) -> _Database | None:
    """Return the database of a connection, or ``None`` if its hook cannot name it."""
    from airflow.providers.openlineage.sqlparser import DatabaseInfo

    connection = BaseHook.get_connection(conn_id)
    if connection.conn_type in _FILE_DATABASES:
        path = (connection.host or "").partition("?")[0]
        info = DatabaseInfo(scheme=connection.conn_type, authority=path)
        return _Database(info, connection.conn_type, _FILE_DATABASE_SCHEMA) if path else None
    hook: Any = connection.get_hook()
    if not hasattr(hook, "get_openlineage_database_info"):
        return None
    info = hook.get_openlineage_database_info(connection)
    if info is None:
        return None
    schema = hook.get_openlineage_default_schema() or connection.schema
    return _Database(info, hook.get_openlineage_database_dialect(connection), schema)
