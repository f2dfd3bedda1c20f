"""A load skips nothing, whoever commits late: sessions of a real PostgreSQL that overlap with loads."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_rcs.store.campaign.campaigns import lock_campaign
from airflow_provider_rcs.store.db.tables import message, report
from airflow_provider_rcs.store.db.tables import store as store_table
from airflow_provider_rcs.warehouse.load import Loaded, load
from tests.unit.warehouse.test_load import rows, send
from tests.unit.warehouse.test_upserts import report_row

_SECONDS_TO_WAIT = 30


def insert_report(connection: sa.Connection, phone: str) -> None:
    """Land a report as a receiver does, and leave the commit to the caller."""
    values = report_row(0, 0, phone=phone)
    landed = {name: value for name, value in values.items() if name not in ("id", "fold", "message_id", "campaign")}
    connection.execute(report.insert().values(landed))


def change_messages(connection: sa.Connection, campaign_id: int) -> None:
    """Change a campaign's messages as a sender does, and leave the commit to the caller."""
    revision = lock_campaign(connection, campaign_id)
    of_the_campaign = message.update().where(message.c.campaign_id == campaign_id)
    connection.execute(of_the_campaign.values(repeats=message.c.repeats + 1, revision=revision))


def wait_until_somebody_waits_for_a_lock(engine: sa.Engine) -> None:
    waiting = "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    end = time.monotonic() + _SECONDS_TO_WAIT
    while rows(engine, waiting) == [(0,)]:
        assert time.monotonic() < end, "nobody waits"
        time.sleep(0.01)


def test_reports_of_a_receiver_that_commits_after_later_ones_were_loaded_come_with_the_next_load(
    store: sa.Engine, warehouse: sa.Engine
) -> None:
    with store.begin() as late:
        insert_report(late, "34600000001")
        with store.begin() as other:
            insert_report(other, "34600000002")
        first = load(store, warehouse, None)

    second = load(store, warehouse, None)

    assert (first, second) == (Loaded(0, 0, reports=1), Loaded(0, 0, reports=1))
    assert rows(warehouse, "SELECT id, phone FROM rcs_report ORDER BY fold") == [(2, "34600000002"), (1, "34600000001")]


def test_changes_of_a_sender_that_commits_after_a_load_come_with_the_next_load(
    store: sa.Engine, warehouse: sa.Engine
) -> None:
    send(store, "spring", ["34600000001"])
    send(store, "autumn", ["34600000002"])
    with store.begin() as late:
        change_messages(late, 1)
        with store.begin() as other:
            change_messages(other, 2)
        load(store, warehouse, None)

    assert load(store, warehouse, None) == Loaded(campaigns=1, messages=1, reports=0)

    assert rows(warehouse, "SELECT campaign, repeats FROM rcs_message ORDER BY id") == [("spring", 1), ("autumn", 1)]


def test_a_load_during_a_fold_waits_for_it_and_brings_what_it_took_up(store: sa.Engine, warehouse: sa.Engine) -> None:
    with store.begin() as receiver:
        insert_report(receiver, "34600000001")
    with ThreadPoolExecutor(1) as pool:
        with store.begin() as folding:
            number = store_table.update().values(fold=store_table.c.fold + 1).returning(store_table.c.fold)
            folding.execute(report.update().values(fold=folding.execute(number).scalar_one()))
            loading = pool.submit(load, store, warehouse, None)
            wait_until_somebody_waits_for_a_lock(store)
            with store.begin() as receiver:
                insert_report(receiver, "34600000002")
        loading.result(_SECONDS_TO_WAIT)

    assert rows(warehouse, "SELECT phone FROM rcs_report ORDER BY id") == [("34600000001",), ("34600000002",)]


class Sessions:
    """Transactions that are open at the same time, each ended when the test says so."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._open: dict[object, sa.Connection] = {}

    def of(self, who: object) -> sa.Connection:
        if who not in self._open:
            self._open[who] = self._engine.connect()
        return self._open[who]

    def end(self, who: object, *, committed: bool) -> None:
        if connection := self._open.pop(who, None):
            (connection.commit if committed else connection.rollback)()
            connection.close()

    def commit_all(self) -> None:
        for who in list(self._open):
            self.end(who, committed=True)


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
    send(store, "spring", ["34600000001", "34600000002"])
    send(store, "autumn", ["34600000001"])
    return store


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEPS, min_size=3, max_size=15))
def test_however_receivers_senders_and_loads_overlap_the_warehouse_has_all_in_the_end(
    two_campaigns: sa.Engine, warehouse: sa.Engine, steps: list[tuple[str, Any]]
) -> None:
    sessions = Sessions(two_campaigns)
    for step, who in steps:
        match step:
            case "report":
                insert_report(sessions.of(who), "34600000009")
            case "change":
                change_messages(sessions.of(who), who)
            case "load":
                load(two_campaigns, warehouse, None)
            case _:
                sessions.end(who, committed=step == "commit")
    sessions.commit_all()

    load(two_campaigns, warehouse, None)

    for query in ("SELECT id, fold FROM rcs_report ORDER BY id", "SELECT id, repeats FROM rcs_message ORDER BY id"):
        assert rows(warehouse, query) == rows(two_campaigns, query)
