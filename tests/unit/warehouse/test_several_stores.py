"""Several stores whose rows have the same ids, side by side in one warehouse."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.models import InboundMessage
from airflow_provider_rcs.store.campaign.account_moves import find_account, move_account
from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.inbox.landing import ReceivedReports, land_all
from airflow_provider_rcs.store.read.exports import store_identity
from airflow_provider_rcs.warehouse.load import Loaded, load
from tests.stores import sqlite_store
from tests.unit.warehouse.test_accounts import PORTUGAL, SPAIN
from tests.unit.warehouse.test_accounts import send_and_report as send_for_account
from tests.unit.warehouse.test_load import NOW, report, rows, send

TABLES = ("rcs_campaign", "rcs_message", "rcs_message_channel", "rcs_report", "rcs_inbound")


@pytest.fixture
def other_store(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = engine_from_url(sqlite_store(tmp_path / "other.db"))
    with engine.begin() as connection:
        # The stores of tests are copies of one.
        connection.execute(sa.text("UPDATE rcs_store SET identity = 'another'"))
    yield engine
    engine.dispose()


def send_and_report(store: sa.Engine, phones: list[str]) -> None:
    """Send the campaign spring, with a report on two channels and a reply by its first recipient."""
    reference = send(store, "spring", phones)
    report(store, reference, phones[0], "50")
    report(store, reference, phones[0], "13", "SMS")
    land_all(store, [ReceivedReports(NOW, inbound=[InboundMessage(phones[0], f"I am {phones[0]}")])])


def counts(warehouse: sa.Engine, store: sa.Engine) -> dict[str, int]:
    own = f"WHERE store = '{store_identity(store)}'"
    return {table: rows(warehouse, f"SELECT COUNT(*) FROM {table} {own}")[0][0] for table in TABLES}


@pytest.mark.slow
def test_rows_of_two_stores_with_the_same_ids_are_both_loaded_in_turns(
    store: sa.Engine, other_store: sa.Engine, warehouse: sa.Engine
) -> None:
    send_and_report(store, ["+34600000001", "+34600000002"])
    send_and_report(other_store, ["+34600000003"])

    first = [load(each, warehouse, None) for each in (store, other_store)]
    again = [load(each, warehouse, None) for each in (store, other_store)]

    assert first == [Loaded(1, 2, 2, 1), Loaded(1, 1, 2, 1)]
    assert again == [Loaded(0, 0, 0), Loaded(0, 0, 0)]
    assert counts(warehouse, store) == dict(zip(TABLES, (1, 2, 2, 2, 1), strict=True))
    assert counts(warehouse, other_store) == dict(zip(TABLES, (1, 1, 2, 2, 1), strict=True))
    assert rows(warehouse, "SELECT phone FROM rcs_message ORDER BY phone") == [
        ("+34600000001",),
        ("+34600000002",),
        ("+34600000003",),
    ]


@pytest.mark.slow
def test_the_funnel_tells_campaigns_of_one_name_apart_by_store(
    store: sa.Engine, other_store: sa.Engine, warehouse: sa.Engine
) -> None:
    send_and_report(store, ["+34600000001", "+34600000002"])
    send_and_report(other_store, ["+34600000003"])

    for each in (store, other_store):
        load(each, warehouse, None)

    query = "SELECT store, SUM(requested), SUM(delivered), SUM(unreported) FROM rcs_campaign_funnel GROUP BY store"
    assert {name: tuple(map(int, numbers)) for name, *numbers in rows(warehouse, query)} == {
        store_identity(store): (2, 1, 1),
        "another": (1, 1, 0),
    }


@pytest.mark.slow
def test_a_new_store_with_the_warehouse_of_an_old_one_loses_nothing(
    store: sa.Engine, other_store: sa.Engine, warehouse: sa.Engine
) -> None:
    for name in ("winter", "spring", "summer"):
        report(store, send(store, name, ["+34600000001", "+34600000002"]), "+34600000001", "13")
        load(store, warehouse, None)
    send_and_report(other_store, ["+34600000003"])

    assert load(other_store, warehouse, None) == Loaded(1, 1, 2, 1)

    assert counts(warehouse, store) == dict(zip(TABLES, (3, 6, 0, 3, 0), strict=True))
    assert counts(warehouse, other_store) == dict(zip(TABLES, (1, 1, 2, 2, 1), strict=True))


@pytest.mark.slow
def test_a_moved_account_moves_nothing_of_another_store(
    store: sa.Engine, other_store: sa.Engine, warehouse: sa.Engine
) -> None:
    for each in (store, other_store):
        send_for_account(each, SPAIN)
        load(each, warehouse, None)

    move_account(store, find_account(store, SPAIN), PORTUGAL, "rcs_new")
    load(store, warehouse, None)

    for table in ("rcs_campaign", "rcs_message", "rcs_report", "rcs_inbound"):
        accounts = dict(rows(warehouse, f"SELECT store, account FROM {table}"))
        assert (table, accounts) == (table, {store_identity(store): PORTUGAL, "another": SPAIN})
