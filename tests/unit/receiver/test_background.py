from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsStoreUnavailable
from airflow_provider_rcs.receiver import background
from airflow_provider_rcs.receiver.background import BackgroundFolding, SilenceWatch
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

    def count(self, name: str, number: int = 1) -> None:
        self.names += [name] * number

    def record_time(self, name: str, seconds: float) -> None:
        raise AssertionError(name, seconds)


@pytest.mark.usefixtures("no_delay")
def test_reports_that_land_during_a_fold_cause_one_more_fold_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    folds: list[str] = []
    release = threading.Event()

    def fold(engine: Any) -> None:
        folds.append(engine)
        assert release.wait(10)

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
