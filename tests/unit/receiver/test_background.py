from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsStoreUnavailable
from airflow_provider_rcs.receiver import background
from airflow_provider_rcs.receiver.background import BackgroundFolding, CallThread, SilenceWatch
from airflow_provider_rcs.store.db.tables import campaign, request
from airflow_provider_rcs.store.inbox.silence import SILENT_AFTER
from tests.unit.receiver.pushing import wait_until
from tests.unit.store.given import sent


@pytest.fixture
def no_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "_SECONDS_BETWEEN_FOLDS", 0)


class CountingMetrics:
    """Records what is counted."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def incr(self, stat: str, count: int = 1) -> None:
        self.names += [stat] * count

    def timing(self, stat: str, dt: float) -> None:
        raise AssertionError(stat, dt)


def test_calls_are_made_one_after_the_other_outside_the_event_loop() -> None:
    thread = CallThread("calls")
    made: list[tuple[int, threading.Thread]] = []

    async def go() -> list[None]:
        return await asyncio.gather(
            *(
                thread.run(partial(lambda number: made.append((number, threading.current_thread())), n))
                for n in range(9)
            )
        )

    asyncio.run(go())

    assert [number for number, _ in made] == list(range(9))
    (only,) = {each for _, each in made}
    assert only.daemon


def test_what_a_call_raises_is_raised_where_it_is_awaited_and_the_thread_goes_on() -> None:
    thread = CallThread("calls")

    with pytest.raises(ZeroDivisionError):
        asyncio.run(thread.run(lambda: 1 / 0))

    assert asyncio.run(thread.run(lambda: "next")) == "next"


def test_a_call_that_is_cancelled_while_it_is_queued_is_not_made() -> None:
    thread, release = CallThread("calls"), threading.Event()
    made: list[str] = []

    async def go() -> None:
        first = asyncio.create_task(thread.run(lambda: release.wait(10)))
        await asyncio.sleep(0)  # The task starts, and queues its call first.
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(thread.run(lambda: made.append("late")), 0.05)
        release.set()
        assert await first
        await thread.run(lambda: made.append("last"))

    asyncio.run(go())

    assert made == ["last"]


@pytest.mark.usefixtures("no_delay")
def test_reports_that_land_during_a_fold_cause_one_more_fold_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    folds: list[str] = []
    release = threading.Event()

    def fold(engine: Any) -> None:
        # The threads of other tests are still running, and may fold once more.
        if engine == "the engine":
            folds.append(engine)
            assert release.wait(60)

    monkeypatch.setattr(background, "fold", fold)
    folding = BackgroundFolding(lambda: "the engine")  # type: ignore[arg-type, return-value]

    folding.wake()
    wait_until(lambda: folds)
    for _ in range(10):
        folding.wake()
    assert folds == ["the engine"]

    release.set()
    wait_until(lambda: len(folds) == 2)


@pytest.mark.usefixtures("no_delay")
@pytest.mark.parametrize(
    ("error", "reason"),
    [(RcsStoreUnavailable("store: it is gone"), "store: it is gone"), (ValueError("34600000001"), "ValueError")],
)
def test_failed_fold_is_logged_without_data_and_retried_at_the_next_landing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, error: Exception, reason: str
) -> None:
    engine = object()
    folds: list[object] = []

    def fold(given: Any) -> None:
        # The threads of other tests are still running, and may fold once more.
        if given is engine:
            folds.append(given)
            if len(folds) == 1:
                raise error

    monkeypatch.setattr(background, "fold", fold)
    folding = BackgroundFolding(lambda: engine)  # type: ignore[arg-type, return-value]

    folding.wake()
    wait_until(lambda: caplog.records)
    assert reason in caplog.text
    assert "34600000001" not in caplog.text

    folding.wake()
    wait_until(lambda: len(folds) == 2)


@pytest.mark.slow
def test_a_silent_campaign_is_not_reported_again_on_the_same_day(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(background, "_SECONDS_BETWEEN_SILENCE_CHECKS", 0.01)
    for name in ("spring", "autumn"):
        sent(engine, name=name)
    then = datetime.now(UTC) - 2 * SILENT_AFTER
    with engine.begin() as connection:
        connection.execute(request.update().values(claimed_at=then))
        connection.execute(campaign.update().where(campaign.c.name == "spring").values(reports_since=then))
    checks: list[sa.Engine] = []
    metrics = CountingMetrics()

    def get_engine() -> sa.Engine:
        checks.append(engine)
        return engine

    SilenceWatch(get_engine, metrics).start()
    wait_until(lambda: metrics.names)
    before = len(checks)
    wait_until(lambda: len(checks) > before + 4)

    assert metrics.names == ["rcs.campaign.silent"]
    assert caplog.text.count("campaign 'spring': messages were accepted") == 1
    assert "autumn" not in caplog.text


def test_a_store_that_was_away_is_looked_at_again_for_silent_campaigns(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "_SECONDS_BETWEEN_SILENCE_CHECKS", 0.01)
    checks: list[bool] = []

    def get_engine() -> sa.Engine:
        checks.append(True)
        if len(checks) == 1:
            raise RcsStoreUnavailable("store: it is gone")
        return engine

    SilenceWatch(get_engine, CountingMetrics()).start()

    wait_until(lambda: len(checks) > 2)
