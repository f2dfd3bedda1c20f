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
from airflow.providers.common.compat.sdk import AirflowNotFoundException
from airflow.triggers.base import TriggerEvent

from airflow_provider_rcs.api.errors import RcsStoreUnavailable
from airflow_provider_rcs.store.db import inbox_tables, tables
from airflow_provider_rcs.store.db.count_tables import report_count
from airflow_provider_rcs.store.inbox.folding import fold_parked
from airflow_provider_rcs.store.inbox.silence import SILENT_AFTER
from airflow_provider_rcs.triggers.rcs import RcsCampaignTrigger, RcsReportsTrigger
from tests.unit.store.given import ANA, BEA, land_and_fold, planned, report_on, sent

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


def test_the_campaign_trigger_serializes_to_its_class_and_arguments() -> None:
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
            "begins_by": None,
        },
    )


def test_it_serializes_no_reports_within() -> None:
    _, arguments = trigger(no_reports_within=timedelta(hours=2)).serialize()

    assert arguments["no_reports_within"] == timedelta(hours=2)


def test_it_serializes_max_failure_rate() -> None:
    _, arguments = trigger(max_failure_rate=0.02).serialize()

    assert arguments["max_failure_rate"] == 0.02


@pytest.mark.parametrize("newer", ["no_reports_within", "max_failure_rate", "begins_by"])
def test_a_trigger_serialized_before_an_argument_was_added_can_be_restored(newer: str) -> None:
    _, arguments = trigger().serialize()
    del arguments[newer]

    assert RcsCampaignTrigger(**arguments).serialize() == trigger().serialize()


def test_it_fires_if_all_messages_have_the_status(store: sa.Engine) -> None:
    land_and_fold(store, report_on(sent(store)))

    assert first_event(trigger()) == {"status": "success"}


@pytest.mark.slow
def test_it_does_not_fire_before_its_first_interval_has_passed(store: sa.Engine) -> None:
    """Airflow may fail a task whose trigger fires before the scheduler knows that the task has deferred."""
    land_and_fold(store, report_on(sent(store)))

    event = first_event(trigger(poll_interval=3600, end_time=datetime.now(UTC) + timedelta(seconds=0.3)))

    assert event["status"] == "timeout"


@pytest.mark.slow
def test_it_times_out_at_its_end_time(store: sa.Engine) -> None:
    sent(store)

    event = first_event(trigger(end_time=datetime.now(UTC) + timedelta(seconds=0.1)))

    assert event == {
        "status": "timeout",
        "message": "Campaign 'spring': timed out before 95% of its messages were final.",
    }


@pytest.mark.slow
def test_it_times_out_at_its_end_time_even_between_two_polls(store: sa.Engine) -> None:
    sent(store)

    event = first_event(trigger(poll_interval=3600, end_time=datetime.now(UTC) + timedelta(seconds=0.3)))

    assert event["status"] == "timeout"


def test_it_fires_if_no_report_has_arrived_within_the_limit(store: sa.Engine) -> None:
    sent(store)

    event = first_event(trigger(no_reports_within=timedelta(0)))

    assert event["status"] == "no_reports"
    assert "receiver running" in event["message"]


def test_too_many_failures_take_precedence_over_success(store: sa.Engine) -> None:
    land_and_fold(store, report_on(sent(store), code="50"))

    event = first_event(trigger(max_failure_rate=0.5))

    assert event["status"] == "too_many_failures"
    assert "1 of its 1 messages have failed (100.0%)" in event["message"]


def test_failures_up_to_the_limit_do_not_end_the_wait(store: sa.Engine) -> None:
    claim = sent(store, [ANA, BEA])
    land_and_fold(store, report_on(claim, code="50"), report_on(claim, BEA))

    assert first_event(trigger(max_failure_rate=0.5)) == {"status": "success"}


@pytest.mark.slow
def test_it_waits_for_a_campaign_that_has_not_begun_until_its_time_is_up(store: sa.Engine) -> None:
    in_a_moment = datetime.now(UTC) + timedelta(seconds=0.2)

    assert first_event(trigger(begins_by=in_a_moment)) == {"status": "not_begun"}
    assert datetime.now(UTC) > in_a_moment


def test_it_waits_for_a_campaign_whose_list_is_not_recorded_yet(store: sa.Engine) -> None:
    planned(store, [])

    assert first_event(trigger(begins_by=datetime.now(UTC))) == {"status": "not_begun"}


def test_it_fires_if_the_share_can_no_longer_be_reached(store: sa.Engine) -> None:
    land_and_fold(store, report_on(sent(store, [ANA, BEA]), code="50"))

    event = first_event(trigger(until="delivered"))

    assert event["status"] == "too_many_failures"
    assert "1 of its 2 messages have failed, and at_least=0.95, which needs 2" in event["message"]


def overdue_since(store: sa.Engine, overdue: timedelta) -> None:
    """Set the time of all requests so that their reports are overdue for some time."""
    then = datetime.now(UTC) - SILENT_AFTER - overdue
    with store.begin() as connection:
        connection.execute(tables.request.update().values(claimed_at=then))
        connection.execute(tables.campaign.update().values(reports_since=then))


def warnings_of_polls(
    store: sa.Engine, capsys: pytest.CaptureFixture[str], overdue: timedelta, seconds: float = 1
) -> int:
    """Return how many warnings the polls of some seconds log."""
    sent(store)
    overdue_since(store, overdue)

    event = first_event(trigger(end_time=datetime.now(UTC) + timedelta(seconds=seconds)))

    assert event["status"] == "timeout"
    return capsys.readouterr().out.count("No delivery reports: campaign 'spring'")


@pytest.mark.parametrize("overdue", [timedelta(seconds=1), timedelta(hours=1), timedelta(days=2)])
@pytest.mark.slow
def test_it_warns_of_overdue_reports_once_and_waits_on(
    store: sa.Engine, capsys: pytest.CaptureFixture[str], overdue: timedelta
) -> None:
    assert warnings_of_polls(store, capsys, overdue) == 1


@pytest.mark.slow
def test_it_warns_again_when_another_day_of_silence_begins(
    store: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    # Both halves are longer than a busy machine delays a poll.
    assert warnings_of_polls(store, capsys, timedelta(days=1, seconds=-4), seconds=8) == 2


@pytest.mark.slow
def test_it_does_not_warn_before_reports_are_overdue(store: sa.Engine, capsys: pytest.CaptureFixture[str]) -> None:
    assert warnings_of_polls(store, capsys, timedelta(minutes=-1)) == 0


@pytest.mark.slow
def test_it_keeps_waiting_while_the_store_is_unavailable(
    store: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_and_fold(store, report_on(sent(store)))
    unavailable = {"conn_type": "sqlite", "host": f"{tmp_path}/not/mounted/yet/store.db"}
    available = os.environ["AIRFLOW_CONN_RCS_STORE"]
    monkeypatch.setenv("AIRFLOW_CONN_RCS_STORE", json.dumps(unavailable))

    async def wait() -> TriggerEvent:
        waiting = asyncio.ensure_future(anext(trigger().run()))
        await asyncio.wait([waiting], timeout=0.2)
        assert not waiting.done()
        monkeypatch.setenv("AIRFLOW_CONN_RCS_STORE", available)
        return await waiting

    assert asyncio.run(asyncio.wait_for(wait(), 20)).payload == {"status": "success"}


@pytest.mark.slow
def test_it_keeps_waiting_while_store_and_connection_are_away_together(
    store: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = sent(store)

    def fail(*_: Any) -> Any:
        raise RcsStoreUnavailable("the database is away")

    async def wait() -> TriggerEvent:
        waiting = asyncio.ensure_future(anext(trigger().run()))
        await asyncio.wait([waiting], timeout=0.2)
        with monkeypatch.context() as away:
            away.delenv("AIRFLOW_CONN_RCS_STORE")
            away.setattr("airflow_provider_rcs.triggers.shared_poll._read", fail)
            await asyncio.wait([waiting], timeout=0.2)
            assert not waiting.done()
        land_and_fold(store, report_on(claim))
        return await waiting

    assert asyncio.run(asyncio.wait_for(wait(), 20)).payload == {"status": "success"}


def test_a_connection_that_was_never_there_fails_the_trigger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_RCS_STORE", raising=False)

    with pytest.raises(AirflowNotFoundException, match="rcs_store"):
        first_event(trigger())


def test_an_unusable_store_fires_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_RCS_STORE", json.dumps({"conn_type": "mysql", "host": "db"}))

    event = first_event(trigger())

    assert event["status"] == "error"
    assert "the store runs on SQLite and PostgreSQL" in event["message"]


def reports_trigger(**changes: Any) -> RcsReportsTrigger:
    return RcsReportsTrigger(**({"poll_interval": 0.01} | changes))


def events_of(watching: RcsReportsTrigger, count: int) -> list[dict[str, Any]]:
    """Return some events of a trigger, then stop it while it waits, as the triggerer does."""

    async def watch() -> list[dict[str, Any]]:
        async with aclosing(watching.run()) as events:  # type: ignore[type-var]
            return [(await next_event(events)).payload for _ in range(count)]

    return asyncio.run(watch())


async def next_event(events: AsyncIterator[TriggerEvent]) -> TriggerEvent:
    return await asyncio.wait_for(anext(events), 20)


def fires_within_some_polls(watching: RcsReportsTrigger) -> bool:
    async def watch() -> bool:
        waiting = asyncio.ensure_future(anext(watching.run()))
        done, _ = await asyncio.wait([waiting], timeout=0.3)
        waiting.cancel()
        return bool(done)

    return asyncio.run(watch())


def test_the_reports_trigger_serializes_to_its_class_and_arguments() -> None:
    assert RcsReportsTrigger().serialize() == (
        "airflow_provider_rcs.triggers.rcs.RcsReportsTrigger",
        {"store_conn_id": None, "poll_interval": 60.0, "watcher": "reports"},
    )


def test_the_first_event_covers_all_reports_in_the_store(store: sa.Engine) -> None:
    claim = sent(store, [ANA, BEA])
    land_and_fold(store, report_on(claim))
    land_and_fold(store, report_on(claim, BEA))

    (event,) = events_of(reports_trigger(), 1)

    assert (event["reports"], event["campaigns"]) == (2, {"spring": 2})
    assert ANA not in json.dumps(event)


@pytest.mark.slow
def test_each_batch_of_reports_fires_once(store: sa.Engine) -> None:
    claim = sent(store, [ANA, BEA])
    land_and_fold(store, report_on(claim))

    async def watch() -> list[int]:
        async with aclosing(reports_trigger().run()) as events:  # type: ignore[type-var]
            first = await next_event(events)
            next_one = asyncio.ensure_future(anext(events))
            await asyncio.wait([next_one], timeout=0.1)
            await asyncio.to_thread(land_and_fold, store, report_on(claim, BEA))
            second = await asyncio.wait_for(next_one, 20)
            return [first.payload["reports"], second.payload["reports"]]

    assert asyncio.run(watch()) == [1, 1]


@pytest.mark.slow
def test_a_restarted_trigger_does_not_fire_for_the_same_reports(store: sa.Engine) -> None:
    land_and_fold(store, report_on(sent(store)))
    events_of(reports_trigger(), 1)

    assert not fires_within_some_polls(reports_trigger())


@pytest.mark.slow
def test_folding_parked_reports_does_not_fire_again(store: sa.Engine) -> None:
    land_and_fold(store, report_on(sent(store), campaign_reference="another"))
    events_of(reports_trigger(), 1)

    # Every load starts with this.
    fold_parked(store)

    assert not fires_within_some_polls(reports_trigger())


@pytest.mark.slow
def test_no_report_is_missed_after_the_store_was_restored_from_a_backup(store: sa.Engine) -> None:
    claim = sent(store, [ANA, BEA])
    for _ in range(3):
        land_and_fold(store, report_on(claim))

    async def watch() -> int:
        async with aclosing(reports_trigger().run()) as events:  # type: ignore[type-var]
            await next_event(events)
            next_one = asyncio.ensure_future(anext(events))
            await asyncio.wait([next_one], timeout=0.1)
            await asyncio.to_thread(remove_reports, store)
            await asyncio.to_thread(land_and_fold, store, report_on(claim, BEA))
            return int((await asyncio.wait_for(next_one, 20)).payload["reports"])

    assert asyncio.run(watch()) == 1


def remove_reports(store: sa.Engine) -> None:
    """Return the store to its state before any report arrived."""
    with store.begin() as connection:
        for table in (inbox_tables.report, tables.watcher, report_count):
            connection.execute(table.delete())
        connection.execute(tables.store.update().values(fold=0))


def test_a_watcher_of_another_name_gets_the_same_reports(store: sa.Engine) -> None:
    land_and_fold(store, report_on(sent(store)))
    events_of(reports_trigger(), 1)

    assert events_of(reports_trigger(watcher="others"), 1)[0]["reports"] == 1


@pytest.mark.slow
def test_the_reports_trigger_keeps_polling_while_the_store_is_unavailable(
    store: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_and_fold(store, report_on(sent(store)))
    available = os.environ["AIRFLOW_CONN_RCS_STORE"]
    unavailable = {"conn_type": "sqlite", "host": f"{tmp_path}/not/mounted/yet/store.db"}
    monkeypatch.setenv("AIRFLOW_CONN_RCS_STORE", json.dumps(unavailable))

    async def watch() -> TriggerEvent:
        async with aclosing(reports_trigger().run()) as events:  # type: ignore[type-var]
            waiting = asyncio.ensure_future(anext(events))
            await asyncio.wait([waiting], timeout=0.2)
            assert not waiting.done()
            monkeypatch.setenv("AIRFLOW_CONN_RCS_STORE", available)
            return await asyncio.wait_for(waiting, 20)

    assert asyncio.run(watch()).payload["reports"] == 1


@pytest.mark.slow
def test_the_reports_trigger_keeps_polling_while_its_connection_cannot_be_read(
    store: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    land_and_fold(store, report_on(sent(store)))
    defined = os.environ["AIRFLOW_CONN_RCS_STORE"]
    monkeypatch.delenv("AIRFLOW_CONN_RCS_STORE")

    async def watch() -> TriggerEvent:
        async with aclosing(reports_trigger().run()) as events:  # type: ignore[type-var]
            waiting = asyncio.ensure_future(anext(events))
            await asyncio.wait([waiting], timeout=0.2)
            assert not waiting.done()
            monkeypatch.setenv("AIRFLOW_CONN_RCS_STORE", defined)
            return await asyncio.wait_for(waiting, 20)

    assert asyncio.run(watch()).payload["reports"] == 1
