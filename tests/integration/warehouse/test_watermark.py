"""Loads skip no row of a transaction that commits late; run on PostgreSQL, with overlapping sessions."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_rcs.store.campaign.campaigns import lock_campaign
from airflow_provider_rcs.store.db.inbox_tables import report
from airflow_provider_rcs.store.db.tables import message
from airflow_provider_rcs.store.db.tables import store as store_table
from airflow_provider_rcs.warehouse.load import Loaded, load
from airflow_provider_rcs.warehouse.tables import warehouse_tables
from tests.unit.warehouse.given_pages import row
from tests.unit.warehouse.test_load import rows, send

_TIMEOUT_SECONDS = 30


def insert_report(connection: sa.Connection, phone: str) -> None:
    """Land a report as a receiver does; the caller commits."""
    values = row(warehouse_tables(None).report, phone=phone)
    of_the_warehouse = ("store", "id", "fold", "message_id", "campaign", "account")
    landed = {name: value for name, value in values.items() if name not in of_the_warehouse and value is not None}
    connection.execute(report.insert().values(landed))


def change_messages(connection: sa.Connection, campaign_id: int) -> None:
    """Change a campaign's messages as a sender does; the caller commits."""
    revision = lock_campaign(connection, campaign_id)
    of_the_campaign = message.update().where(message.c.campaign_id == campaign_id)
    connection.execute(of_the_campaign.values(repeats=message.c.repeats + 1, revision=revision))


def wait_for_a_lock_wait(engine: sa.Engine) -> None:
    waiting = "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    end = time.monotonic() + _TIMEOUT_SECONDS
    while rows(engine, waiting) == [(0,)]:
        assert time.monotonic() < end, "no session waits for a lock"
        time.sleep(0.01)


def test_reports_committed_after_later_ones_were_loaded_come_with_the_next_load(
    store: sa.Engine, warehouse: sa.Engine
) -> None:
    with store.begin() as late:
        insert_report(late, "+34600000001")
        with store.begin() as other:
            insert_report(other, "+34600000002")
        first = load(store, warehouse, None)

    second = load(store, warehouse, None)

    assert (first, second) == (Loaded(0, 0, reports=1), Loaded(0, 0, reports=1))
    assert rows(warehouse, "SELECT id, phone FROM rcs_report ORDER BY fold") == [
        (2, "+34600000002"),
        (1, "+34600000001"),
    ]


def test_changes_committed_after_a_load_come_with_the_next_load(store: sa.Engine, warehouse: sa.Engine) -> None:
    send(store, "spring", ["+34600000001"])
    send(store, "autumn", ["+34600000002"])
    with store.begin() as late:
        change_messages(late, 1)
        with store.begin() as other:
            change_messages(other, 2)
        load(store, warehouse, None)

    assert load(store, warehouse, None) == Loaded(campaigns=1, messages=1, reports=0)

    assert rows(warehouse, "SELECT campaign, repeats FROM rcs_message ORDER BY id") == [("spring", 1), ("autumn", 1)]


def test_a_load_waits_for_a_running_fold_and_loads_its_reports(store: sa.Engine, warehouse: sa.Engine) -> None:
    with store.begin() as receiver:
        insert_report(receiver, "+34600000001")
    with ThreadPoolExecutor(1) as pool:
        with store.begin() as folding:
            number = store_table.update().values(fold=store_table.c.fold + 1).returning(store_table.c.fold)
            folding.execute(report.update().values(fold=folding.execute(number).scalar_one()))
            loading = pool.submit(load, store, warehouse, None)
            wait_for_a_lock_wait(store)
            with store.begin() as receiver:
                insert_report(receiver, "+34600000002")
        loading.result(_TIMEOUT_SECONDS)

    assert rows(warehouse, "SELECT phone FROM rcs_report ORDER BY id") == [("+34600000001",), ("+34600000002",)]


class Sessions:
    """Transactions that are open at the same time until the test ends each of them."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._open: dict[object, sa.Connection] = {}

    def of(self, session: object) -> sa.Connection:
        if session not in self._open:
            self._open[session] = self._engine.connect()
        return self._open[session]

    def end(self, session: object, *, committed: bool) -> None:
        if connection := self._open.pop(session, None):
            (connection.commit if committed else connection.rollback)()
            connection.close()

    def commit_all(self) -> None:
        for session in list(self._open):
            self.end(session, committed=True)


RECEIVERS = st.sampled_from(["receiver 1", "receiver 2"])
CAMPAIGNS = st.sampled_from([1, 2])
STEPS = st.one_of(
    st.tuples(st.just("report"), RECEIVERS),
    st.tuples(st.just("change"), CAMPAIGNS),
    st.tuples(st.just("commit"), RECEIVERS | CAMPAIGNS),
    st.tuples(st.just("roll back"), RECEIVERS | CAMPAIGNS),
    st.tuples(st.just("load"), st.none()),
)


@pytest.fixture
def two_campaigns(store: sa.Engine) -> sa.Engine:
    send(store, "spring", ["+34600000001", "+34600000002"])
    send(store, "autumn", ["+34600000001"])
    return store


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=3, max_size=15))
def test_no_overlap_of_receivers_senders_and_loads_loses_a_row(
    two_campaigns: sa.Engine, warehouse: sa.Engine, steps: list[tuple[str, Any]]
) -> None:
    sessions = Sessions(two_campaigns)
    for step, session in steps:
        match step:
            case "report":
                insert_report(sessions.of(session), "+34600000009")
            case "change":
                change_messages(sessions.of(session), session)
            case "load":
                load(two_campaigns, warehouse, None)
            case _:
                sessions.end(session, committed=step == "commit")
    sessions.commit_all()

    load(two_campaigns, warehouse, None)

    for query in ("SELECT id, fold FROM rcs_report ORDER BY id", "SELECT id, repeats FROM rcs_message ORDER BY id"):
        assert rows(warehouse, query) == rows(two_campaigns, query)
