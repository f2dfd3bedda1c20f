"""Create the warehouse's tables and view, or extend those of an older version."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import sqlalchemy as sa
import tenacity

from airflow_provider_rcs.api.errors import RcsWarehouseError
from airflow_provider_rcs.warehouse.funnel_view import VIEW, create_statements, funnel
from airflow_provider_rcs.warehouse.merging import needs_staging, staging_table
from airflow_provider_rcs.warehouse.tables import WarehouseTables
from airflow_provider_rcs.warehouse.transactions import Rights, warehouse_transaction

log = logging.getLogger(__name__)

# Other loads may create the same tables at the same time, for which each engine has errors of its own.
_retried = tenacity.retry(
    retry=tenacity.retry_if_exception_type(RcsWarehouseError),
    stop=tenacity.stop_after_attempt(5),
    wait=tenacity.wait_random(0.1, 1.0),
    reraise=True,
)


def create_or_extend_tables(warehouse: sa.Engine, tables: WarehouseTables) -> None:
    """Create the tables and the view, or add the tables and columns that are missing.

    If any were missing, the watermark is reset, so that all rows are loaded again. Columns that others added stay.
    The tables are enough: that the view cannot be created is logged.

    :raises RcsWarehouseError: if a table can neither be read nor created.
    """
    _create_or_extend_tables(warehouse, tables)
    try:
        _create_view(warehouse, tables.message)
    except RcsWarehouseError as error:
        log.warning(
            "The view %s is not as this version creates it, and cannot be replaced; the tables are loaded. If another "
            "object has its name, drop or rename it; the next load creates the view. %s",
            VIEW,
            error,
        )


@_retried
def _create_or_extend_tables(warehouse: sa.Engine, tables: WarehouseTables) -> None:
    wanted = list(tables.metadata.tables.values())
    if needs_staging(warehouse.dialect.name):
        wanted += [staging_table(table) for table in tables.metadata.tables.values()]
    missing = {table: _missing_columns(warehouse, table) for table in wanted}
    # Reset first: MySQL commits with each new table and column, and a load may be killed in between. What holds a
    # watermark is created before.
    watermarked = (tables.campaign, tables.report, tables.inbound)
    for table in watermarked:
        if missing[table] is None:
            _create(warehouse, table)
    if missing[tables.campaign] or any(missing[table] != [] for table in (tables.message, tables.channel)):
        _reset(warehouse, tables.campaign, -1)
    for table in (tables.report, tables.inbound):
        if missing[table]:
            _reset(warehouse, table, 0)
    for table, columns in missing.items():
        if columns is None and table not in watermarked:
            _create(warehouse, table)
        elif columns:
            _add_columns(warehouse, table, columns)


def _create(warehouse: sa.Engine, table: sa.Table) -> None:
    with warehouse_transaction(warehouse, Rights.CREATE, table) as connection:
        table.create(connection, checkfirst=True)


def _reset(warehouse: sa.Engine, table: sa.Table, value: int) -> None:
    version = table.c[table.info["version"]]
    with warehouse_transaction(warehouse, Rights.UPDATE, table) as connection:
        connection.execute(table.update().where(version > value).values({version.name: value}))


def _add_columns(warehouse: sa.Engine, table: sa.Table, missing: Sequence[sa.Column[object]]) -> None:
    quoted = warehouse.dialect.identifier_preparer
    add = "ADD" if warehouse.dialect.name in ("mssql", "oracle") else "ADD COLUMN"
    with warehouse_transaction(warehouse, Rights.EXTEND, table) as connection:
        for column in missing:
            definition = f"{quoted.quote(column.name)} {column.type.compile(warehouse.dialect)}"
            connection.exec_driver_sql(f"ALTER TABLE {quoted.format_table(table)} {add} {definition}")


def _missing_columns(warehouse: sa.Engine, table: sa.Table) -> list[sa.Column[object]] | None:
    """Return the columns that a table lacks; ``None`` if the table does not exist."""
    with warehouse_transaction(warehouse, Rights.READ, table) as connection:
        if not sa.inspect(connection).has_table(table.name, schema=table.schema):
            return None
        existing = {name.lower() for name in _column_names(connection, table)}
    return [column for column in table.columns if column.name.lower() not in existing]


@_retried
def _create_view(warehouse: sa.Engine, message: sa.Table) -> None:
    view = sa.table(VIEW, schema=message.schema)
    expected = {column.name for column in funnel(message).selected_columns}
    # Not at every load: to replace a view, PostgreSQL waits for all its readers. Columns that others added stay.
    if expected <= _view_columns(warehouse, view):
        return
    with warehouse_transaction(warehouse, Rights.CREATE, view) as connection:
        for statement in create_statements(message, warehouse.dialect):
            connection.exec_driver_sql(statement)


def _view_columns(warehouse: sa.Engine, view: sa.TableClause) -> set[str]:
    try:
        with warehouse_transaction(warehouse, Rights.READ, view) as connection:
            return {name.lower() for name in _column_names(connection, view)}
    except RcsWarehouseError:
        # The view or its table is missing; any other error is raised when it is created.
        return set()


def _column_names(connection: sa.Connection, table: sa.FromClause) -> list[str]:
    # Not SQLAlchemy's inspector, which some dialects implement only in part.
    return list(connection.execute(sa.select(sa.text("*")).select_from(table).where(sa.false())).keys())
