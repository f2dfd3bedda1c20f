"""Cursors, up to which the tables of a warehouse are loaded."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.store.read.exports import Place
from airflow_provider_rcs.warehouse import cursors
from airflow_provider_rcs.warehouse.cursors import Cursor, read_cursor
from airflow_provider_rcs.warehouse.tables import warehouse_tables
from tests.unit.warehouse.given_pages import row

TABLES = warehouse_tables(None)
BEGIN = Place(0, 0)


@pytest.fixture
def loaded(warehouse: sa.Engine) -> sa.Engine:
    """A warehouse with a report of the store ``a``."""
    TABLES.metadata.create_all(warehouse)
    with warehouse.begin() as connection:
        connection.execute(TABLES.report.insert().values(row(TABLES.report, store="a", id=1, fold=1)))
    return warehouse


def read(warehouse: sa.Engine, store: str = "a") -> Cursor:
    return read_cursor(warehouse, TABLES.load, TABLES.report, store)


def save(warehouse: sa.Engine, cursor: Cursor, place: Place) -> None:
    with warehouse.begin() as connection:
        cursor.save(connection, cursor.start, place)


def test_a_table_is_loaded_from_the_begin_at_first(loaded: sa.Engine) -> None:
    assert read(loaded).start == BEGIN


def test_a_cursor_is_where_it_was_saved(loaded: sa.Engine) -> None:
    save(loaded, read(loaded), Place(3, 7))

    assert read(loaded).start == Place(3, 7)


@pytest.mark.parametrize("earlier", [Place(2, 9), Place(3, 6), Place(3, 7)])
def test_an_overlapping_load_does_not_move_a_cursor_back(loaded: sa.Engine, earlier: Place) -> None:
    other = read(loaded)
    save(loaded, read(loaded), Place(3, 7))

    save(loaded, other, earlier)

    assert read(loaded).start == Place(3, 7)


def test_a_load_that_began_behind_the_cursor_does_not_move_it(loaded: sa.Engine) -> None:
    began_later = replace(read(loaded), start=Place(5, 1))

    save(loaded, began_later, Place(6, 1))

    assert read(loaded).start == BEGIN


def test_stores_have_cursors_of_their_own(loaded: sa.Engine) -> None:
    read(loaded, "b")

    save(loaded, read(loaded), Place(3, 7))

    with loaded.connect() as connection:
        of_other = sa.select(TABLES.load.c.fold).where(TABLES.load.c.store == "b")
        assert connection.execute(of_other).scalar_one() == 0


def test_the_cursor_of_a_table_that_was_emptied_begins_again(loaded: sa.Engine) -> None:
    save(loaded, read(loaded), Place(3, 7))
    with loaded.begin() as connection:
        connection.execute(TABLES.report.delete())

    assert read(loaded).start == BEGIN


def test_a_cursor_that_another_load_has_just_created_is_read(
    loaded: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(loaded, read(loaded), Place(3, 7))
    places = iter([None, Place(3, 7)])
    monkeypatch.setattr(cursors, "_read_place", lambda *_: next(places))

    assert read(loaded).start == Place(3, 7)
