from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from airflow.triggers.base import TriggerEvent

from airflow_provider_rcs.store.db import tables
from airflow_provider_rcs.store.inbox.folding import fold_parked
from airflow_provider_rcs.triggers.rcs import RcsCampaignTrigger, RcsReportsTrigger
from tests.unit.store.given import ANA, BEA, land_and_fold, report_on, sent

END = datetime(2099, 12, 1, 9, 30, tzinfo=UTC)


def trigger(**changes: Any) -> RcsCampaignTrigger:
    arguments: dict[str, Any] = {
        "campaign": "spring",
        "until": "final",
        "at_least": 0.95,
        "store_conn_id": "rcs_store",
        "poll_interval": 0.01,
        "end_time": END,
    }
    return RcsCampaignTrigger(**(arguments | changes))


def first_event(waiting: RcsCampaignTrigger) -> dict[str, Any]:
    async def wait() -> TriggerEvent:
        return await anext(waiting.run())

    payload: dict[str, Any] = asyncio.run(asyncio.wait_for(wait(), 20)).payload
    return payload


@pytest.fixture
def store(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> sa.Engine:
    """A store behind the connection ``rcs_store``."""
    connection = {"conn_type": "sqlite", "host": engine.url.database}
    monkeypatch.setenv("AIRFLOW_CONN_RCS_STORE", json.dumps(connection))
    return engine


def test_it_serializes_to_its_class_and_exactly_its_arguments() -> None:
    assert trigger().serialize() == (
        "airflow_provider_rcs.triggers.rcs.RcsCampaignTrigger",
        {
            "campaign": "spring",
            "until": "final",
            "at_least": 0.95,
            "store_conn_id": "rcs_store",
            "poll_interval": 0.01,
            "end_time": END,
            "no_reports_within": None,
            "max_failure_rate": None,
            "warn_of_silence_after": None,
        },
    )


def test_it_serializes_how_long_it_bears_no_reports() -> None:
    _, arguments = trigger(no_reports_within=timedelta(hours=2)).serialize()

    assert arguments["no_reports_within"] == timedelta(hours=2)


def test_it_serializes_how_many_messages_may_fail() -> None:
    _, arguments = trigger(max_failure_rate=0.02).serialize()

    assert arguments["max_failure_rate"] == 0.02


@pytest.mark.parametrize("newer", ["no_reports_within", "max_failure_rate", "warn_of_silence_after"])
def test_one_that_was_serialized_before_it_knew_of_something_is_made_again(newer: str) -> None:
    _, arguments = trigger().serialize()
    del arguments[newer]

    assert RcsCampaignTrigger(**arguments).serialize() == trigger().serialize()


def test_it_fires_at_once_when_nothing_is_left_to_wait_for(store: sa.Engine) -> None:
    land_and_fold(store, report_on(sent(store)))

    assert first_event(trigger()) == {"status": "success"}


def test_it_gives_up_at_its_end_time(store: sa.Engine) -> None:
    sent(store)

    event = first_event(trigger(end_time=datetime.now(UTC) + timedelta(seconds=0.1)))

    assert event == {
        "status": "timeout",
        "message": "Campaign 'spring': timed out before 95% of its messages were final.",
    }


def test_it_gives_up_at_its_end_time_though_no_look_is_due(store: sa.Engine) -> None:
    sent(store)

    event = first_event(trigger(poll_interval=3600, end_time=datetime.now(UTC) + timedelta(seconds=0.3)))

    assert event["status"] == "timeout"


def test_silence_that_is_too_long_is_told(store: sa.Engine) -> None:
    sent(store)

    event = first_event(trigger(no_reports_within=timedelta(0)))

    assert event["status"] == "no_reports"
    assert "receiver running" in event["message"]


def test_too_many_failures_are_told_though_all_that_is_waited_for_is_there(store: sa.Engine) -> None:
    land_and_fold(store, report_on(sent(store), code="50"))

    event = first_event(trigger(max_failure_rate=0.5))

    assert event["status"] == "too_many_failures"
    assert "1 of its 1 messages have failed (100.0%)" in event["message"]


def test_failures_that_are_allowed_are_waited_through(store: sa.Engine) -> None:
    taken = sent(store, [ANA, BEA])
    land_and_fold(store, report_on(taken, code="50"), report_on(taken, BEA))

    assert first_event(trigger(max_failure_rate=0.5)) == {"status": "success"}


def test_it_wakes_the_task_to_warn_of_a_silence_that_lasts_too_long(store: sa.Engine) -> None:
    sent(store)

    event = first_event(trigger(warn_of_silence_after=timedelta(0)))

    assert event == {"status": "silent", "end_time": END.isoformat()}


def test_it_does_not_wake_the_task_while_silence_is_short(store: sa.Engine) -> None:
    sent(store)
    end = datetime.now(UTC) + timedelta(seconds=0.1)

    assert first_event(trigger(warn_of_silence_after=timedelta(hours=1), end_time=end))["status"] == "timeout"


def test_a_store_that_is_away_is_waited_for(store: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    land_and_fold(store, report_on(sent(store)))
    away = {"conn_type": "sqlite", "host": f"{tmp_path}/not/mounted/yet/store.db"}
    there = os.environ["AIRFLOW_CONN_RCS_STORE"]
    monkeypatch.setenv("AIRFLOW_CONN_RCS_STORE", json.dumps(away))

    async def wait() -> TriggerEvent:
        waiting = asyncio.ensure_future(anext(trigger().run()))
        await asyncio.wait([waiting], timeout=0.2)
        assert not waiting.done()
        monkeypatch.setenv("AIRFLOW_CONN_RCS_STORE", there)
        return await waiting

    assert asyncio.run(asyncio.wait_for(wait(), 20)).payload == {"status": "success"}


def test_a_store_that_cannot_be_used_is_told_as_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_RCS_STORE", json.dumps({"conn_type": "mysql", "host": "db"}))

    event = first_event(trigger())

    assert event["status"] == "error"
    assert "the store runs on SQLite and PostgreSQL" in event["message"]


def reports_trigger(**changes: Any) -> RcsReportsTrigger:
    return RcsReportsTrigger(**({"poll_interval": 0.01} | changes))


def events_of(watching: RcsReportsTrigger, count: int) -> list[dict[str, Any]]:
    """Take some events of a trigger, then stop it as the triggerer does, in the middle of its waiting."""

    async def watch() -> list[dict[str, Any]]:
        async with aclosing(watching.run()) as events:  # type: ignore[type-var]
            return [(await take(events)).payload for _ in range(count)]

    return asyncio.run(watch())


async def take(events: AsyncIterator[TriggerEvent]) -> TriggerEvent:
    return await asyncio.wait_for(anext(events), 20)


def fires_within_some_looks(watching: RcsReportsTrigger) -> bool:
    async def watch() -> bool:
        waiting = asyncio.ensure_future(anext(watching.run()))
        done, _ = await asyncio.wait([waiting], timeout=0.3)
        waiting.cancel()
        return bool(done)

    return asyncio.run(watch())


def test_the_reports_trigger_serializes_to_its_class_and_exactly_its_arguments() -> None:
    assert RcsReportsTrigger().serialize() == (
        "airflow_provider_rcs.triggers.rcs.RcsReportsTrigger",
        {"store_conn_id": None, "poll_interval": 60.0, "watcher": "reports"},
    )


def test_the_first_event_tells_of_all_reports_that_are_in(store: sa.Engine) -> None:
    taken = sent(store, [ANA, BEA])
    land_and_fold(store, report_on(taken))
    land_and_fold(store, report_on(taken, BEA))

    (event,) = events_of(reports_trigger(), 1)

    assert (event["reports"], event["campaigns"]) == (2, {"spring": 2})
    assert ANA not in json.dumps(event)


def test_each_batch_of_reports_fires_once(store: sa.Engine) -> None:
    taken = sent(store, [ANA, BEA])
    land_and_fold(store, report_on(taken))

    async def watch() -> list[int]:
        async with aclosing(reports_trigger().run()) as events:  # type: ignore[type-var]
            first = await take(events)
            next_one = asyncio.ensure_future(anext(events))
            await asyncio.wait([next_one], timeout=0.1)
            await asyncio.to_thread(land_and_fold, store, report_on(taken, BEA))
            second = await asyncio.wait_for(next_one, 20)
            return [first.payload["reports"], second.payload["reports"]]

    assert asyncio.run(watch()) == [1, 1]


def test_a_trigger_that_is_started_again_does_not_fire_for_the_same_reports(store: sa.Engine) -> None:
    land_and_fold(store, report_on(sent(store)))
    events_of(reports_trigger(), 1)

    assert not fires_within_some_looks(reports_trigger())


def test_a_load_of_what_was_told_does_not_fire_again(store: sa.Engine) -> None:
    land_and_fold(store, report_on(sent(store), campaign_reference="another"))
    events_of(reports_trigger(), 1)

    # What a load begins with: it takes up again what was parked and has become known.
    fold_parked(store)

    assert not fires_within_some_looks(reports_trigger())


def test_a_store_that_came_back_from_a_backup_meanwhile_leaves_no_report_out(store: sa.Engine) -> None:
    taken = sent(store, [ANA, BEA])
    for _ in range(3):
        land_and_fold(store, report_on(taken))

    async def watch() -> int:
        async with aclosing(reports_trigger().run()) as events:  # type: ignore[type-var]
            await take(events)
            next_one = asyncio.ensure_future(anext(events))
            await asyncio.wait([next_one], timeout=0.1)
            await asyncio.to_thread(set_back, store)
            await asyncio.to_thread(land_and_fold, store, report_on(taken, BEA))
            return int((await asyncio.wait_for(next_one, 20)).payload["reports"])

    assert asyncio.run(watch()) == 1


def set_back(store: sa.Engine) -> None:
    """Leave the store as it was before any report came."""
    with store.begin() as connection:
        for table in (tables.report, tables.watcher):
            connection.execute(table.delete())
        connection.execute(tables.store.update().values(fold=0))


def test_a_watcher_of_another_name_is_told_too(store: sa.Engine) -> None:
    land_and_fold(store, report_on(sent(store)))
    events_of(reports_trigger(), 1)

    assert events_of(reports_trigger(watcher="others"), 1)[0]["reports"] == 1


def test_the_reports_trigger_outlives_a_store_that_is_away(
    store: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_and_fold(store, report_on(sent(store)))
    there = os.environ["AIRFLOW_CONN_RCS_STORE"]
    away = {"conn_type": "sqlite", "host": f"{tmp_path}/not/mounted/yet/store.db"}
    monkeypatch.setenv("AIRFLOW_CONN_RCS_STORE", json.dumps(away))

    async def watch() -> TriggerEvent:
        async with aclosing(reports_trigger().run()) as events:  # type: ignore[type-var]
            waiting = asyncio.ensure_future(anext(events))
            await asyncio.wait([waiting], timeout=0.2)
            assert not waiting.done()
            monkeypatch.setenv("AIRFLOW_CONN_RCS_STORE", there)
            return await asyncio.wait_for(waiting, 20)

    assert asyncio.run(watch()).payload["reports"] == 1
