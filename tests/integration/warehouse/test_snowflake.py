"""The unit tests of transfers and loads on Snowflake, as fakesnow plays it, and what holds only there."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsWarehouseError
from airflow_provider_rcs.api.models import InboundMessage
from airflow_provider_rcs.store.inbox.landing import ReceivedReports, land_all
from airflow_provider_rcs.warehouse.load import Loaded, load
from airflow_provider_rcs.warehouse.tables import warehouse_tables
from tests.integration.warehouse.test_same_on_every_engine import (
    CAMPAIGNS,
    MOMENT,
    ODD,
    contents,
    land_first_reports,
    land_later_reports,
    send,
)
from tests.store_engines import shared_sqlite_engine
from tests.store_engines import sqlite_engine as store
from tests.unit.warehouse.given_pages import created_tables, row, transfer_rows
from tests.unit.warehouse.test_transfer import *  # noqa: F403

__all__ = ["shared_sqlite_engine", "store"]

fakesnow = pytest.importorskip("fakesnow", reason="fakesnow has an environment of its own: .ci/matrix.py fakesnow")

PHONE = "+34600000001"


@pytest.fixture
def warehouse() -> Iterator[sa.Engine]:
    """An empty warehouse; without comments on columns, which fakesnow cannot read."""
    with fakesnow.patch():
        engine = sa.create_engine("snowflake://user:password@account/database/public")
        engine.dialect.supports_comments = False
        yield engine
        engine.dispose()


@pytest.fixture
def warehouse_on_sqlite(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = sa.create_engine(f"sqlite:///{tmp_path}/warehouse.db")
    yield engine
    engine.dispose()


def test_loads_leave_the_same_rows_as_on_sqlite(
    store: sa.Engine, warehouse: sa.Engine, warehouse_on_sqlite: sa.Engine
) -> None:
    both = (warehouse, warehouse_on_sqlite)

    first, later = load_twice(store, both)

    assert first[0] == first[1]
    assert later[0] == later[1]
    on_snowflake, on_sqlite = (comparable(contents(each)) for each in both)
    assert on_snowflake == on_sqlite
    assert {name for name, rows in on_snowflake.items() if rows} == on_snowflake.keys()


def test_a_repeated_load_changes_nothing(store: sa.Engine, warehouse: sa.Engine) -> None:
    load_twice(store, (warehouse,))
    loaded = contents(warehouse)

    again = load(store, warehouse, None)

    assert again == Loaded(0, 0, 0)
    assert comparable(contents(warehouse)) == comparable(loaded)


def load_twice(store: sa.Engine, warehouses: Sequence[sa.Engine]) -> tuple[list[Loaded], list[Loaded]]:
    """Load sent campaigns with their first reports, and once more after further reports have changed them."""
    requests = [send(store, name) for name in CAMPAIGNS]
    for replied, _, echoed, _ in requests:
        land_first_reports(store, replied, echoed)
    first = [load(store, warehouse, None) for warehouse in warehouses]
    for replied, *_ in requests:
        land_later_reports(store, replied)
    land_all(store, [ReceivedReports(MOMENT, inbound=[InboundMessage(PHONE, f"BAJA {ODD}", extra={ODD: ODD})])])
    return first, [load(store, warehouse, None) for warehouse in warehouses]


def comparable(tables: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows without the moments at which they were loaded."""
    return {
        name: [{column: cell for column, cell in each.items() if column != "loaded_at"} for each in rows]
        for name, rows in tables.items()
    }


def test_moments_are_stored_with_their_zone_and_integers_exactly(store: sa.Engine, warehouse: sa.Engine) -> None:
    report = created_tables(warehouse).report

    transfer_rows(store, warehouse, report, [row(report, id=2**60 + 1), row(report, id=2, message_id=2**60 + 1)])

    types = {column["name"]: str(column["type"]) for column in sa.inspect(warehouse).get_columns("rcs_report")}
    assert types["received_at"] == types["reported_at"] == "TIMESTAMP_TZ"
    with warehouse.connect() as connection:
        found = connection.execute(sa.select(report.c.id, report.c.message_id).order_by(report.c.id)).all()
    assert found == [(2, 2**60 + 1), (2**60 + 1, None)]


def test_no_page_is_left_for_other_sessions(store: sa.Engine, warehouse: sa.Engine) -> None:
    report = created_tables(warehouse).report

    transfer_rows(store, warehouse, report, [row(report, id=1)])
    warehouse.dispose()

    tables = warehouse_tables(None).metadata.tables.keys()
    assert set(sa.inspect(warehouse).get_table_names()) == tables


def test_an_error_names_the_table_and_the_sqlstate_but_shows_no_cell(store: sa.Engine, warehouse: sa.Engine) -> None:
    report = created_tables(warehouse).report
    with warehouse.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE rcs_report DROP COLUMN service")
        connection.exec_driver_sql("ALTER TABLE rcs_report ADD COLUMN service DATE")

    with pytest.raises(RcsWarehouseError) as refused:
        transfer_rows(store, warehouse, report, [row(report, id=1, service=PHONE)])

    text = str(refused.value)
    assert "rcs_report" in text
    assert "SQLSTATE 22007" in text
    assert PHONE not in "".join(traceback.format_exception(refused.value))
