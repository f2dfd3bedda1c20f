from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.receiver.app import ReportsApp
from airflow_provider_rcs.receiver.metrics import AirflowMetrics
from airflow_provider_rcs.receiver.spool import Spool
from tests.unit.receiver.pushing import (
    CREDENTIALS,
    FIELDS,
    push,
)


def test_the_receiver_counts_what_it_does(engine: sa.Engine, tmp_path: Path) -> None:
    counted: Counter[str] = Counter()

    class CountingMetrics:
        def count(self, name: str, number: int = 1) -> None:
            counted[name] += number

        def record_time(self, name: str, seconds: float) -> None:
            assert 0 < seconds < 10
            counted[name] += 1

    app = ReportsApp(lambda: engine, lambda: CREDENTIALS, spool=Spool(tmp_path / "spool"), metrics=CountingMetrics())

    push(app, json=[FIELDS, FIELDS, {}])
    push(app, auth=None)

    assert counted == {
        "rcs.reports.received": 2,
        "rcs.reports.committed": 2,
        "rcs.reports.refused": 1,
        "rcs.reports.unauthorized": 1,
        "rcs.reports.commit_time": 1,
    }


def test_metrics_inside_airflow_go_to_the_stats_of_the_api_server(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.observability.stats import Stats

    counted: list[tuple[str, float]] = []
    monkeypatch.setattr(Stats, "incr", lambda name, number: counted.append((name, number)))
    monkeypatch.setattr(Stats, "timing", lambda name, milliseconds: counted.append((name, milliseconds)))
    metrics = AirflowMetrics()

    metrics.count("rcs.reports.received", 3)
    metrics.record_time("rcs.reports.commit_time", 0.25)

    assert counted == [("rcs.reports.received", 3), ("rcs.reports.commit_time", 250.0)]
