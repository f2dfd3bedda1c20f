"""The poll that all triggers of a store share: a thousand cost the store as much as one."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from airflow_provider_rcs.store.db.tables import campaign, message
from airflow_provider_rcs.triggers.rcs import RcsCampaignTrigger
from airflow_provider_rcs.triggers.shared_poll import shared_poll
from tests.unit.store.given import NOON, land_and_fold, report_on, sent

MANY = 1_000
END = datetime(2099, 1, 1, tzinfo=UTC)


@pytest.fixture
def store(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> sa.Engine:
    monkeypatch.setenv("AIRFLOW_CONN_RCS_STORE", json.dumps({"conn_type": "sqlite", "host": engine.url.database}))
    return engine


@pytest.fixture
def statements(store: sa.Engine) -> Iterator[list[str]]:
    """The statements of all engines of the store but the test's own."""
    seen: list[str] = []

    def note(connection: sa.Connection, _cursor: object, statement: str, *_: object) -> None:
        # Threads of earlier tests may still query other stores.
        if connection.engine.url.database == store.url.database and connection.engine.pool is not store.pool:
            seen.append(statement)

    event.listen(sa.Engine, "before_cursor_execute", note)
    yield seen
    event.remove(sa.Engine, "before_cursor_execute", note)


def polls(statements: list[str]) -> int:
    return sum("rcs_campaign_count" in statement for statement in statements)


def create_open_campaigns(store: sa.Engine, count: int) -> None:
    """Create campaigns of one accepted message without a report each."""
    sent(store)
    with store.begin() as connection:
        (made,) = connection.execute(sa.select(campaign)).mappings()
        (its_message,) = connection.execute(sa.select(message)).mappings()
        campaigns = [{**made, "id": n, "name": f"campaign-{n}", "token": f"t{n}"} for n in range(2, count + 2)]
        connection.execute(campaign.insert(), campaigns)
        connection.execute(message.insert(), [{**its_message, "id": n, "campaign_id": n} for n in range(2, count + 2)])


def deliver_all(store: sa.Engine) -> None:
    with store.begin() as connection:
        connection.execute(message.update().values(delivery_status="delivered", delivery_rank=4, delivery_at=NOON))


async def status_of(campaign_name: str) -> str:
    trigger = RcsCampaignTrigger(
        campaign=campaign_name, until="final", at_least=1.0, store_conn_id=None, poll_interval=0.3, end_time=END
    )
    payload: dict[str, Any] = (await anext(trigger.run())).payload
    return str(payload["status"])


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.mark.slow
def test_a_thousand_triggers_share_each_poll(store: sa.Engine, statements: list[str]) -> None:
    create_open_campaigns(store, MANY)

    async def wait_for_all() -> tuple[list[str], int, int]:
        waiting = asyncio.gather(*(status_of(f"campaign-{n}") for n in range(2, MANY + 2)))
        await until(lambda: polls(statements) >= 3)
        statements_while_waiting, polls_while_waiting = len(statements), polls(statements)
        await asyncio.to_thread(deliver_all, store)
        return await waiting, statements_while_waiting, polls_while_waiting

    statuses, statements_while_waiting, polls_while_waiting = asyncio.run(wait_for_all())

    assert statuses == ["success"] * MANY
    # Some to open the store, then four per poll: the funnels and the silences, with a BEGIN for each.
    assert statements_while_waiting <= 10 + 4 * polls_while_waiting
    assert len(statements) <= 40


@dataclass
class Connections:
    """The connections of all engines of a store: how many were opened, and which are still open."""

    opened: int = 0
    open: set[int] = field(default_factory=set)


@pytest.fixture
def connections(store: sa.Engine) -> Iterator[Connections]:
    found = Connections()

    def note(connection: sqlite3.Connection, _: object) -> None:
        (_, _, file) = connection.execute("PRAGMA database_list").fetchone()
        # Threads of earlier tests may still connect to other stores.
        if file == store.url.database:
            found.opened += 1
            found.open.add(id(connection))

    def forget(connection: sqlite3.Connection, _: object) -> None:
        found.open.discard(id(connection))

    event.listen(sa.Pool, "connect", note)
    event.listen(sa.Pool, "close", forget)
    yield found
    event.remove(sa.Pool, "connect", note)
    event.remove(sa.Pool, "close", forget)


def test_connections_are_closed_when_the_last_trigger_ends(store: sa.Engine, connections: Connections) -> None:
    land_and_fold(store, report_on(sent(store)))
    store.dispose()
    opened_before = connections.opened

    async def wait() -> str:
        status = await status_of("spring")
        await until(lambda: not connections.open)
        return status

    assert asyncio.run(wait()) == "success"
    assert connections.opened > opened_before


def test_a_later_sensor_with_a_shorter_interval_does_not_wait_for_the_longer_one(store: sa.Engine) -> None:
    sent(store)

    async def wait() -> bool:
        async with shared_poll("rcs_store") as poll:
            await poll.next("spring", 3600)
            patient = asyncio.ensure_future(poll.next("spring", 3600))
            await asyncio.sleep(0)
            impatient = await asyncio.wait_for(poll.next("spring", 0.01), 20)
            return impatient == await patient

    assert asyncio.run(wait())


def test_a_cancelled_sensor_does_not_end_the_wait_of_others(store: sa.Engine) -> None:
    sent(store)

    async def wait() -> bool:
        async with shared_poll("rcs_store") as poll:
            await poll.next("spring", 0.1)
            first, second = (asyncio.ensure_future(poll.next("spring", 0.1)) for _ in range(2))
            await asyncio.sleep(0)
            first.cancel()
            return (await asyncio.wait_for(second, 20)) is not None

    assert asyncio.run(wait())


def test_an_unknown_campaign_has_no_progress(store: sa.Engine) -> None:
    async def poll_once() -> object:
        async with shared_poll("rcs_store") as poll:
            return await poll.next("spring", 1)

    assert asyncio.run(poll_once()) is None
