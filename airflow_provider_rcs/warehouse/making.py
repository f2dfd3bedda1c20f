"""Making: tables and the view are made where they are missing, and new columns added; nothing is dropped or changed."""

from __future__ import annotations

import sqlalchemy as sa

from airflow_provider_rcs.store.db.engine import transaction
from airflow_provider_rcs.warehouse.funnel_view import VIEW, funnel, statements_that_make
from airflow_provider_rcs.warehouse.merging import needs_staging, staging_table
from airflow_provider_rcs.warehouse.tables import WarehouseTables


def make_tables(warehouse: sa.Engine, tables: WarehouseTables) -> None:
    """Bring the warehouse's tables and its view to what this version knows.

    Where a table is missing or lacks columns that are ours, its rows are made to be loaded anew, so that it is filled.
    Columns of others stay.
    """
    staged = [staging_table(table) for table in tables.metadata.tables.values()]
    campaign, report = tables.campaign, tables.report
    with transaction(warehouse) as connection:
        for table in (campaign, report):
            table.create(connection, checkfirst=True)
        # Forgotten first: MySQL commits with each new table and column, and a load may be killed between.
        if any(_is_behind(connection, table) for table in (campaign, tables.message, tables.channel)):
            connection.execute(campaign.update().where(campaign.c.revision >= 0).values(revision=-1))
        if _is_behind(connection, report):
            connection.execute(report.update().where(report.c.fold > 0).values(fold=0))
        tables.metadata.create_all(connection)
        if needs_staging(warehouse.dialect.name):
            for table in staged:
                table.create(connection, checkfirst=True)
                _add_columns(connection, table)
        for table in tables.metadata.tables.values():
            _add_columns(connection, table)
    _make_view(warehouse, tables.message)


def _add_columns(connection: sa.Connection, table: sa.Table) -> None:
    quoted = connection.dialect.identifier_preparer
    add = "ADD" if connection.dialect.name in ("mssql", "oracle") else "ADD COLUMN"
    for column in _missing(connection, table):
        kind = column.type.compile(connection.dialect)
        connection.exec_driver_sql(f"ALTER TABLE {quoted.format_table(table)} {add} {quoted.quote(column.name)} {kind}")


def _is_behind(connection: sa.Connection, table: sa.Table) -> bool:
    is_there = sa.inspect(connection).has_table(table.name, schema=table.schema)
    return not is_there or bool(_missing(connection, table))


def _missing(connection: sa.Connection, table: sa.Table) -> list[sa.Column[object]]:
    there = {name.lower() for name in _column_names(connection, table)}
    return [column for column in table.columns if column.name.lower() not in there]


def _make_view(warehouse: sa.Engine, message: sa.Table) -> None:
    wanted = [column.name for column in funnel(message).selected_columns]
    # Not at each load: to replace a view, PostgreSQL would wait for everyone who reads it.
    if _names_in_view(warehouse, message.schema) != wanted:
        with transaction(warehouse) as connection:
            for statement in statements_that_make(message, warehouse.dialect):
                connection.exec_driver_sql(statement)


def _names_in_view(warehouse: sa.Engine, schema: str | None) -> list[str]:
    try:
        with warehouse.connect() as connection:
            return [name.lower() for name in _column_names(connection, sa.table(VIEW, schema=schema))]
    except sa.exc.DBAPIError:
        # It is missing, or of a table that is; if it is something else, making it tells.
        return []


def _column_names(connection: sa.Connection, table: sa.FromClause) -> list[str]:
    # Not SQLAlchemy's inspector, which not every dialect has whole.
    return list(connection.execute(sa.select(sa.text("*")).select_from(table).where(sa.false())).keys())
