"""What the operators tell OpenLineage: from source tables or a file to the campaign, and from campaigns to the reports.

It is asked for by Airflow's provider of OpenLineage; where that is not installed, nothing is told. Only names are told:
no SQL, no column and no cell, because a query's text may hold a phone.
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

    Name: TypeAlias = tuple[str, str]

STORE = "rcs://store"
REPORTS = (STORE, "reports")

# Databases that are files have no host to be named by, and their hooks name nothing.
_FILES = ("sqlite", "duckdb")
_SCHEMA_OF_A_FILE = "main"
_PLACEHOLDER = re.compile(r"%%|%(?:\(\w+\))?s")


@dataclass(frozen=True, slots=True)
class Query:
    """A query that an operator reads, and the connection that it runs on."""

    sql: str
    conn_id: str


def lineage_of_send(
    campaign: str | None, sources: Iterable[Query | ObjectStoragePath]
) -> OperatorLineage[Any, Any] | None:
    """Return the tables and files that a send reads, and the campaign that it writes.

    :param campaign: the campaign's name; ``None`` if nothing was sent.
    :param sources: where the recipients, and those who are left out, come from.
    """
    if not _is_installed():
        return None
    read = [name for source in sources for name in _names_of(source)]
    return _lineage(read, [] if campaign is None else [campaign_name(campaign)])


def lineage_of_load(
    campaigns: Iterable[str], target_conn_id: str, schema: str | None
) -> OperatorLineage[Any, Any] | None:
    """Return the campaigns that a load reads, and the warehouse's tables that it writes.

    :param campaigns: the names of those of which something was new.
    :param schema: the warehouse's schema; ``None`` for the connection's own.
    """
    if not _is_installed():
        return None
    from airflow_provider_rcs.warehouse.tables import warehouse_tables

    database = _database(target_conn_id)
    tables = warehouse_tables(None).metadata.tables
    written = [database.name(None, schema, table) for table in tables] if database else []
    return _lineage([*map(campaign_name, campaigns), REPORTS], written)


def campaign_name(campaign: str) -> Name:
    """Return the namespace and the name of a campaign."""
    return STORE, f"campaigns/{campaign}"


@dataclass(frozen=True, slots=True)
class _Database:
    """What the names of a database's tables are made of."""

    info: DatabaseInfo
    dialect: str
    schema: str | None

    def name(self, database: str | None, schema: str | None, table: str) -> Name:
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


def _lineage(inputs: Iterable[Name], outputs: Iterable[Name]) -> OperatorLineage[Any, Any]:
    from airflow.providers.common.compat.openlineage.facet import Dataset
    from airflow.providers.openlineage.extractors import OperatorLineage

    return OperatorLineage(
        inputs=[Dataset(namespace=namespace, name=name) for namespace, name in dict.fromkeys(inputs)],
        outputs=[Dataset(namespace=namespace, name=name) for namespace, name in outputs],
    )


def _names_of(source: Query | ObjectStoragePath) -> Iterator[Name]:
    if isinstance(source, Query):
        yield from _tables_of(source)
    elif source.protocol == "file":
        yield "file", source.path
    else:
        yield source.namespace, source.key


def _tables_of(query: Query) -> Iterator[Name]:
    from airflow.providers.openlineage.sqlparser import SQLParser

    database = _database(query.conn_id)
    if database is None:
        return
    # Without a default schema, with which the parser would leave out what a WITH reads.
    parser = SQLParser(dialect=database.dialect)
    # The parser knows SQL, and not the placeholders that drivers of Python put their values for.
    sql = _PLACEHOLDER.sub(lambda found: "%" if found[0] == "%%" else "NULL", query.sql)
    read = parser.parse(parser.split_sql_string(sql))
    for table in read.in_tables if read else ():
        yield database.name(table.database, table.schema, table.name)


def _database(conn_id: str) -> _Database | None:
    """Return what a connection's hook says of its database, or ``None`` where no name can be given."""
    from airflow.providers.openlineage.sqlparser import DatabaseInfo

    connection = BaseHook.get_connection(conn_id)
    if connection.conn_type in _FILES:
        path = (connection.host or "").partition("?")[0]
        info = DatabaseInfo(scheme=connection.conn_type, authority=path)
        return _Database(info, connection.conn_type, _SCHEMA_OF_A_FILE) if path else None
    hook: Any = connection.get_hook()
    if not hasattr(hook, "get_openlineage_database_info"):
        return None
    info = hook.get_openlineage_database_info(connection)
    if info is None:
        return None
    schema = hook.get_openlineage_default_schema() or connection.schema
    return _Database(info, hook.get_openlineage_database_dialect(connection), schema)
