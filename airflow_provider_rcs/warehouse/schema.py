"""Create the warehouse's tables and view, or extend those of an older version."""

from __future__ import annotations

import sqlalchemy as sa

from airflow_provider_rcs.store.db.engine import transaction
from airflow_provider_rcs.warehouse.funnel_view import VIEW, create_statements, funnel
from airflow_provider_rcs.warehouse.merging import needs_staging, staging_table
from airflow_provider_rcs.warehouse.tables import WarehouseTables


def create_or_extend_tables(warehouse: sa.Engine, tables: WarehouseTables) -> None:
    """Create the tables and the view, or add the tables and columns that are missing.

    If any were missing, the watermark is reset, so that all rows are loaded again. Columns that others added stay.
    """
    staging_tables = [staging_table(table) for table in tables.metadata.tables.values()]
    campaign = tables.campaign
    with transaction(warehouse) as connection:
        for table in (campaign, tables.report, tables.inbound):
            table.create(connection, checkfirst=True)
        # Reset first: MySQL commits with each new table and column, and a load may be killed in between.
        if any(_is_behind(connection, table) for table in (campaign, tables.message, tables.channel)):
            connection.execute(campaign.update().where(campaign.c.revision >= 0).values(revision=-1))
        for table in (tables.report, tables.inbound):
            if _is_behind(connection, table):
                connection.execute(table.update().where(table.c.fold > 0).values(fold=0))
        tables.metadata.create_all(connection)
        if needs_staging(warehouse.dialect.name):
            for table in staging_tables:
                table.create(connection, checkfirst=True)
                _add_columns(connection, table)
        for table in tables.metadata.tables.values():
            _add_columns(connection, table)
    _create_view(warehouse, tables.message)


def _add_columns(connection: sa.Connection, table: sa.Table) -> None:
    quoted = connection.dialect.identifier_preparer
    add = "ADD" if connection.dialect.name in ("mssql", "oracle") else "ADD COLUMN"
    for column in _missing_columns(connection, table):
        definition = f"{quoted.quote(column.name)} {column.type.compile(connection.dialect)}"
        connection.exec_driver_sql(f"ALTER TABLE {quoted.format_table(table)} {add} {definition}")


def _is_behind(connection: sa.Connection, table: sa.Table) -> bool:
    exists = sa.inspect(connection).has_table(table.name, schema=table.schema)
    return not exists or bool(_missing_columns(connection, table))


def _missing_columns(connection: sa.Connection, table: sa.Table) -> list[sa.Column[object]]:
    existing = {name.lower() for name in _column_names(connection, table)}
    return [column for column in table.columns if column.name.lower() not in existing]


def _create_view(warehouse: sa.Engine, message: sa.Table) -> None:
    expected = [column.name for column in funnel(message).selected_columns]
    # Not at every load: to replace a view, PostgreSQL waits for all its readers.
    if _view_columns(warehouse, message.schema) != expected:
        with transaction(warehouse) as connection:
            for statement in create_statements(message, warehouse.dialect):
                connection.exec_driver_sql(statement)


def _view_columns(warehouse: sa.Engine, schema: str | None) -> list[str]:
    try:
        with warehouse.connect() as connection:
            return [name.lower() for name in _column_names(connection, sa.table(VIEW, schema=schema))]
    except sa.exc.DBAPIError:
        # The view or its table is missing; any other error is raised when it is created.
        return []


def _column_names(connection: sa.Connection, table: sa.FromClause) -> list[str]:
    # Not SQLAlchemy's inspector, which some dialects implement only in part.
    return list(connection.execute(sa.select(sa.text("*")).select_from(table).where(sa.false())).keys())
