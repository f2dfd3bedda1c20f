"""Create the warehouse's tables and views, or extend those of an older version."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial

import sqlalchemy as sa
import tenacity

from airflow_provider_rcs.api.errors import RcsWarehouseError, RcsWarehouseUnavailable
from airflow_provider_rcs.warehouse.cursors import reset_cursors
from airflow_provider_rcs.warehouse.merging import needs_staging, staging_table
from airflow_provider_rcs.warehouse.tables import WarehouseTables
from airflow_provider_rcs.warehouse.transactions import Rights, warehouse_transaction
from airflow_provider_rcs.warehouse.views import View, create_statements
from airflow_provider_rcs.warehouse.views.funnel import FUNNEL
from airflow_provider_rcs.warehouse.views.message_times import MESSAGE_TIMES

VIEWS = (FUNNEL, MESSAGE_TIMES)

log = logging.getLogger(__name__)

# Other loads may create the same tables and views at the same time.
_retried = partial(
    tenacity.retry, stop=tenacity.stop_after_attempt(5), wait=tenacity.wait_random(0.1, 1.0), reraise=True
)


def create_or_extend_tables(warehouse: sa.Engine, tables: WarehouseTables) -> None:
    """Create the tables and the views, or add the tables and columns that are missing.

    If any were missing, the watermark is reset, so that all rows are loaded again. Columns that others added stay.
    The tables are enough: that a view cannot be created is logged.

    :raises RcsWarehouseError: if a table can neither be read nor created.
    """
    _create_or_extend_tables(warehouse, tables)
    for view in VIEWS:
        try:
            _create_view(warehouse, view, tables)
        except RcsWarehouseError as error:
            log.warning(
                "The view %s is not as this version creates it, and cannot be replaced; the tables are loaded. If "
                "another object has its name, drop or rename it; the next load creates the view. %s",
                view.name,
                error,
            )


# Each engine has errors of its own for what another load has just created.
@_retried(retry=tenacity.retry_if_exception_type(RcsWarehouseError))
def _create_or_extend_tables(warehouse: sa.Engine, tables: WarehouseTables) -> None:
    wanted = list(tables.metadata.tables.values())
    if needs_staging(warehouse.dialect.name):
        wanted += [staging_table(table) for table in tables.loaded]
    missing = {table: _missing_columns(warehouse, table) for table in wanted}
    # Reset first: MySQL commits with each new table and column, and a load may be killed in between. What holds a
    # watermark is created before.
    watermarked = (tables.campaign, tables.load)
    for table in watermarked:
        if missing[table] is None:
            _create(warehouse, table)
    if missing[tables.campaign] or any(missing[table] != [] for table in (tables.message, tables.channel)):
        _reset_revisions(warehouse, tables.campaign)
    for table in (tables.report, tables.inbound):
        if missing[table]:
            _reset_cursors(warehouse, tables.load, table)
    for table, columns in missing.items():
        if columns is None and table not in watermarked:
            _create(warehouse, table)
        elif columns:
            _add_columns(warehouse, table, columns)


def _create(warehouse: sa.Engine, table: sa.Table) -> None:
    with warehouse_transaction(warehouse, Rights.CREATE, table) as connection:
        table.create(connection, checkfirst=True)


def _reset_revisions(warehouse: sa.Engine, campaign: sa.Table) -> None:
    with warehouse_transaction(warehouse, Rights.UPDATE, campaign) as connection:
        connection.execute(campaign.update().where(campaign.c.revision > -1).values(revision=-1))


def _reset_cursors(warehouse: sa.Engine, cursors: sa.Table, table: sa.Table) -> None:
    with warehouse_transaction(warehouse, Rights.UPDATE, cursors) as connection:
        reset_cursors(connection, cursors, table, sa.true())


def _add_columns(warehouse: sa.Engine, table: sa.Table, missing: Sequence[sa.Column[object]]) -> None:
    dialect = warehouse.dialect
    name = dialect.identifier_preparer.format_table(table)
    add = "ADD" if dialect.name in ("mssql", "oracle") else "ADD COLUMN"
    with warehouse_transaction(warehouse, Rights.EXTEND, table) as connection:
        for column in missing:
            connection.exec_driver_sql(f"ALTER TABLE {name} {add} {_definition(column, dialect)}")
            if dialect.supports_comments and not dialect.inline_comments:
                connection.execute(sa.schema.SetColumnComment(column))


def _definition(column: sa.Column[object], dialect: sa.Dialect) -> str:
    """Return the definition of a column that is added, which is null until its rows are loaded again."""
    definition = f"{dialect.identifier_preparer.quote(column.name)} {column.type.compile(dialect)}"
    if not dialect.inline_comments:
        return definition
    comment = sa.literal(column.comment, sa.String).compile(dialect=dialect, compile_kwargs={"literal_binds": True})
    return f"{definition} COMMENT {comment}"


def _missing_columns(warehouse: sa.Engine, table: sa.Table) -> list[sa.Column[object]] | None:
    """Return the columns that a table lacks; ``None`` if the table does not exist."""
    with warehouse_transaction(warehouse, Rights.READ, table) as connection:
        if not sa.inspect(connection).has_table(table.name, schema=table.schema):
            return None
        existing = {name.lower() for name in _column_names(connection, table)}
    return [column for column in table.columns if column.name.lower() not in existing]


# Not after a refusal: each load of a login that lacks the right would wait for all attempts.
@_retried(retry=tenacity.retry_if_exception_type(RcsWarehouseUnavailable))
def _create_view(warehouse: sa.Engine, view: View, tables: WarehouseTables) -> None:
    target = sa.table(view.name, schema=tables.metadata.schema)
    # Not at every load: to replace a view, PostgreSQL waits for all its readers. Columns that others added stay.
    if view.columns.keys() <= _view_columns(warehouse, target):
        return
    try:
        with warehouse_transaction(warehouse, Rights.CREATE, target) as connection:
            for statement in create_statements(view, tables, warehouse.dialect):
                connection.exec_driver_sql(statement)
    except RcsWarehouseError:
        # Another load may have created it just now.
        if not view.columns.keys() <= _view_columns(warehouse, target):
            raise


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
