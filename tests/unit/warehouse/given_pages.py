"""Pages of a store with given rows, for any table of the warehouse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from airflow_provider_rcs.store.db.engine import transaction
from airflow_provider_rcs.store.db.types import UtcDateTime
from airflow_provider_rcs.warehouse.pages import Page
from airflow_provider_rcs.warehouse.phones import PLAIN, PhoneForm
from airflow_provider_rcs.warehouse.schema import create_or_extend_tables
from airflow_provider_rcs.warehouse.tables import Json, WarehouseTables, warehouse_tables
from airflow_provider_rcs.warehouse.transfer import transfer

Row = Mapping[str, Any]

MOMENT = datetime(2026, 11, 22, 9, 0, 1, 250_000, tzinfo=UTC)
STORE = "5" * 32


def row(table: sa.Table, **values: Any) -> dict[str, Any]:
    """Return a row with all columns of a table: empty, zero or null where no value is given."""
    return {column.name: values.get(column.name, _nothing(column)) for column in table.columns}


def _nothing(column: sa.Column[Any]) -> object:
    if column.name == "store":
        return STORE
    if column.nullable:
        return None
    match column.type:
        case sa.DateTime():
            return MOMENT
        case sa.Date():
            return MOMENT.date()
        case sa.Integer():
            return 0
        case Json():
            return {}
    return ""


@contextmanager
def page_of(store: sa.Engine, table: sa.Table, rows: Sequence[Row]) -> Iterator[sa.Select[Any]]:
    """Keep rows in a table of the store, and yield a page that selects them."""
    columns = (sa.Column(column.name, _type_in_store(column.type)) for column in table.columns)
    kept = sa.Table(f"t{uuid4().hex}", sa.MetaData(), *columns)
    with transaction(store) as connection:
        kept.create(connection)
        connection.execute(kept.insert(), list(rows) or [])
    try:
        yield sa.select(kept)
    finally:
        with transaction(store) as connection:
            kept.drop(connection)


def _type_in_store(kind: sa.types.TypeEngine[Any]) -> sa.types.TypeEngine[Any]:
    match kind:
        case sa.DateTime():
            return UtcDateTime()
        case sa.Date() | sa.Integer():
            return kind
        case Json():
            return sa.JSON()
    return sa.Text()


def created_tables(warehouse: sa.Engine) -> WarehouseTables:
    tables = warehouse_tables(None)
    create_or_extend_tables(warehouse, tables)
    return tables


def transfer_rows(
    store: sa.Engine, warehouse: sa.Engine, table: sa.Table, rows: Sequence[Row], phones: PhoneForm = PLAIN
) -> int:
    with page_of(store, table, rows) as page:
        return transfer_page(store, warehouse, Page(page, table), phones)


def transfer_page(store: sa.Engine, warehouse: sa.Engine, page: Page, phones: PhoneForm = PLAIN) -> int:
    [(_, count)] = transfer(store, warehouse, [page], phones)
    return count


def read(warehouse: sa.Engine, table: sa.Table) -> list[dict[str, Any]]:
    """Return the rows of a table in the order of their keys, with moments in UTC."""
    with warehouse.connect() as connection:
        found = connection.execute(sa.select(table).order_by(*table.primary_key.columns)).mappings()
        return [{name: _in_utc(cell) for name, cell in each.items()} for each in found]


def _in_utc(cell: object) -> object:
    """Return a moment in UTC: not all engines store a time zone."""
    if not isinstance(cell, datetime):
        return cell
    return cell.replace(tzinfo=UTC) if cell.tzinfo is None else cell.astimezone(UTC)
