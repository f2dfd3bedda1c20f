"""A thousand triggers cost the store as much as one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
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
    """Every statement that reaches a database by another engine than the test's own."""
    seen: list[str] = []

    def note(connection: sa.Connection, _cursor: object, statement: str, *_: object) -> None:
        if connection.engine.pool is not store.pool:
            seen.append(statement)

    event.listen(sa.Engine, "before_cursor_execute", note)
    yield seen
    event.remove(sa.Engine, "before_cursor_execute", note)


def looks(statements: list[str]) -> int:
    return sum("rcs_message" in statement for statement in statements)


def open_campaigns(store: sa.Engine, count: int) -> None:
    """Make campaigns of one message each, all at once: accepted, and no word of it."""
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


def test_a_thousand_triggers_share_each_look_at_the_store(store: sa.Engine, statements: list[str]) -> None:
    open_campaigns(store, MANY)

    async def wait_for_all() -> tuple[list[str], int, int]:
        waiting = asyncio.gather(*(status_of(f"campaign-{n}") for n in range(2, MANY + 2)))
        await until(lambda: looks(statements) >= 3)
        while_waiting, looks_then = len(statements), looks(statements)
        await asyncio.to_thread(deliver_all, store)
        return await waiting, while_waiting, looks_then

    statuses, while_waiting, looks_then = asyncio.run(wait_for_all())

    assert statuses == ["success"] * MANY
    # To open the store once, and for each look: to begin, the funnels, the silences, and to begin that.
    assert while_waiting <= 10 + 4 * looks_then
    assert len(statements) <= 40


def test_the_connections_are_closed_when_the_last_trigger_ends(store: sa.Engine) -> None:
    land_and_fold(store, report_on(sent(store)))
    opened: list[object] = []
    closed: list[object] = []
    event.listen(sa.Pool, "connect", lambda connection, _: opened.append(connection))
    event.listen(sa.Pool, "close", lambda connection, _: closed.append(connection))

    async def wait() -> str:
        status = await status_of("spring")
        await until(lambda: len(closed) == len(opened))
        return status

    assert asyncio.run(wait()) == "success"
    assert opened


def test_one_who_comes_late_and_is_more_impatient_is_not_kept_waiting(store: sa.Engine) -> None:
    sent(store)

    async def wait() -> bool:
        async with shared_poll("rcs_store") as look:
            await look.next("spring", 3600)
            patient = asyncio.ensure_future(look.next("spring", 3600))
            await asyncio.sleep(0)
            impatient = await asyncio.wait_for(look.next("spring", 0.01), 20)
            return impatient == await patient

    assert asyncio.run(wait())


def test_one_who_gives_up_leaves_the_others_waiting(store: sa.Engine) -> None:
    sent(store)

    async def wait() -> bool:
        async with shared_poll("rcs_store") as look:
            await look.next("spring", 0.1)
            first, second = (asyncio.ensure_future(look.next("spring", 0.1)) for _ in range(2))
            await asyncio.sleep(0)
            first.cancel()
            return (await asyncio.wait_for(second, 20)) is not None

    assert asyncio.run(wait())


def test_a_campaign_that_the_store_does_not_know_has_no_standing(store: sa.Engine) -> None:
    async def look_once() -> object:
        async with shared_poll("rcs_store") as look:
            return await look.next("spring", 1)

    assert asyncio.run(look_once()) is None
