from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.receiver import metrics as metrics_module
from airflow_provider_rcs.receiver.app import ReportsApp
from airflow_provider_rcs.receiver.metrics import LoggedMetrics
from airflow_provider_rcs.receiver.spool import Spool
from tests.pushed_report import PUSHED
from tests.unit.receiver.clock import Clock
from tests.unit.receiver.pushing import (
    LOOK_UPS,
    push,
)


def test_the_receiver_counts_what_it_does(engine: sa.Engine, tmp_path: Path) -> None:
    counted: Counter[str] = Counter()

    class CountingMetrics:
        def incr(self, stat: str, count: int = 1) -> None:
            counted[stat] += count

        def timing(self, stat: str, dt: float) -> None:
            assert 0 < dt < 10_000
            counted[stat] += 1

    app = ReportsApp(lambda: engine, LOOK_UPS, spool=Spool(tmp_path / "spool"), metrics=CountingMetrics())

    push(app, json=[PUSHED, PUSHED, {}])
    push(app, auth=None)

    assert counted == {
        "rcs.reports.received": 2,
        "rcs.reports.committed": 2,
        "rcs.reports.refused": 1,
        "rcs.reports.unauthorized": 1,
        "rcs.reports.commit_time": 1,
    }


def test_metrics_of_a_separate_process_are_logged_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    metrics = LoggedMetrics()
    metrics.incr("rcs.reports.received", 3)
    metrics.timing("rcs.reports.commit_time", 2.5)
    metrics.timing("rcs.reports.commit_time", 1.0)
    metrics.timing("another", 0.5)

    with caplog.at_level(logging.INFO, "airflow_provider_rcs.receiver"):
        for _ in range(2):
            metrics.log_totals()

    assert [record.message for record in caplog.records] == [
        "rcs.reports.received=3 another<=0.5ms rcs.reports.commit_time<=2.5ms"
    ]


def test_totals_are_logged_once_a_minute_and_start_anew(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    monkeypatch.setattr(metrics_module, "time", clock)
    metrics = LoggedMetrics()

    with caplog.at_level(logging.INFO, "airflow_provider_rcs.receiver"):
        for seconds in (0, 59, 1, 0, 59, 1):
            clock.now += seconds
            metrics.incr("rcs.reports.received")

    assert [record.message for record in caplog.records] == ["rcs.reports.received=3"] * 2


def test_a_minute_in_which_nothing_was_counted_logs_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "airflow_provider_rcs.receiver"):
        LoggedMetrics().log_totals()

    assert caplog.records == []
