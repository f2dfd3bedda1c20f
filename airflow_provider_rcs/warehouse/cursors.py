"""Cursors, which the warehouse keeps: up to which report and reply of a store its tables are loaded."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsWarehouseError
from airflow_provider_rcs.store.read.exports import Place
from airflow_provider_rcs.warehouse.transactions import Rights, warehouse_transaction

_BEGIN = Place(0, 0)


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place up to which a table is loaded from a store.

    :param cursors: the table of cursors.
    :param table: the table that is loaded.
    :param store: the identity of the store.
    :param start: the place up to which it was loaded when this load began.
    """

    cursors: sa.Table
    table: sa.Table
    store: str
    start: Place

    def save(self, connection: sa.Connection, after: Place, place: Place) -> None:
        """Record that the table is loaded up to a place, after the page that ends there was loaded.

        Another load may have come further meanwhile, which stays; or the table was emptied, and its cursor is before
        the page: then rows before the page are missing, and this says nothing about them.

        :param after: the place behind which the page begins.
        :param place: the place of the last row of the page.
        """
        is_behind = _is_before(self.cursors, place)
        reaches_page = sa.not_(_is_before(self.cursors, after))
        values = {"fold": place.fold, "row_id": place.id, "loaded_at": datetime.now(UTC)}
        this_row = _is_of(self.cursors, self.table, self.store)
        connection.execute(self.cursors.update().where(this_row, reaches_page, is_behind).values(values))


def read_cursor(warehouse: sa.Engine, cursors: sa.Table, table: sa.Table, store: str) -> Cursor:
    """Return the cursor of a table, after creating it where there is none.

    A table without a row of the store, such as one that was emptied, is loaded from the begin again.

    :param cursors: the table of cursors.
    :param store: the identity of the store.
    """
    place = _read_place(warehouse, cursors, table, store)
    if place is None:
        place = _create(warehouse, cursors, table, store)
    if place != _BEGIN and _is_empty(warehouse, table, store):
        with warehouse_transaction(warehouse, Rights.UPSERT, cursors) as connection:
            reset_cursors(connection, cursors, table, cursors.c.store == store)
        place = _BEGIN
    return Cursor(cursors, table, store, place)


def reset_cursors(
    connection: sa.Connection, cursors: sa.Table, table: sa.Table, condition: sa.ColumnElement[bool]
) -> None:
    """Have the next load begin a table again.

    :param condition: selects the cursors of some stores.
    """
    values = {"fold": _BEGIN.fold, "row_id": _BEGIN.id}
    connection.execute(cursors.update().where(cursors.c.table_name == table.name, condition).values(values))


def _read_place(warehouse: sa.Engine, cursors: sa.Table, table: sa.Table, store: str) -> Place | None:
    with warehouse_transaction(warehouse, Rights.READ, cursors) as connection:
        place = sa.select(cursors.c.fold, cursors.c.row_id).where(_is_of(cursors, table, store))
        row = connection.execute(place).first()
    return None if row is None else Place(*row)


def _create(warehouse: sa.Engine, cursors: sa.Table, table: sa.Table, store: str) -> Place:
    key = {"store": store, "table_name": table.name}
    row = {**key, "fold": _BEGIN.fold, "row_id": _BEGIN.id, "loaded_at": datetime.now(UTC)}
    try:
        with warehouse_transaction(warehouse, Rights.UPSERT, cursors) as connection:
            connection.execute(cursors.insert().values(row))
    except RcsWarehouseError:
        # Another load may have created it just now.
        place = _read_place(warehouse, cursors, table, store)
        if place is None:
            raise
        return place
    return _BEGIN


def _is_empty(warehouse: sa.Engine, table: sa.Table, store: str) -> bool:
    with warehouse_transaction(warehouse, Rights.READ, table) as connection:
        return connection.execute(sa.select(table.c.store).where(table.c.store == store).limit(1)).first() is None


def _is_of(cursors: sa.Table, table: sa.Table, store: str) -> sa.ColumnElement[bool]:
    return sa.and_(cursors.c.store == store, cursors.c.table_name == table.name)


def _is_before(cursors: sa.Table, place: Place) -> sa.ColumnElement[bool]:
    # Not as rows, which not every engine compares.
    fold, row_id = cursors.c.fold, cursors.c.row_id
    return sa.or_(fold < place.fold, sa.and_(fold == place.fold, row_id < place.id))
