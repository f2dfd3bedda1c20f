from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsStoreError
from airflow_provider_rcs.api.models import Report
from airflow_provider_rcs.receiver import health as health_module
from airflow_provider_rcs.receiver.app import ReportsApp
from airflow_provider_rcs.receiver.health import HealthCheck
from airflow_provider_rcs.receiver.responses import NOT_READY, Response
from airflow_provider_rcs.receiver.spool import Spool
from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.inbox.landing import ReceivedReports, land
from tests.unit.receiver.clock import Clock
from tests.unit.receiver.pushing import (
    LOOK_UPS,
    push,
)


def test_the_health_check_queries_the_store_at_most_once_a_second() -> None:
    queries = 0

    def get_engine() -> sa.Engine:
        nonlocal queries
        if threading.current_thread().name == "rcs-reports-health check":
            queries += 1
        raise RcsStoreError("store: not available")

    app = ReportsApp(get_engine, LOOK_UPS)

    responses = [push(app, "/rcs/health", "GET", auth=None) for _ in range(20)]

    assert {(response.status_code, response.text) for response in responses} == {(503, '{"status":"not ready"}')}
    assert queries == 1


def test_the_receiver_is_degraded_while_only_the_spool_takes_reports(tmp_path: Path) -> None:
    def get_engine() -> sa.Engine:
        raise RcsStoreError("store: not available")

    spool = Spool(tmp_path / "spool")
    spool.append([ReceivedReports(datetime.now(UTC) - timedelta(hours=1), [Report("13", api_message_id="1")])])
    app = ReportsApp(get_engine, LOOK_UPS, spool=spool)
    assert push(app).json() == {"spooled": 1}

    health = push(app, "/rcs/health", "GET")

    assert (health.status_code, health.json()["status"], health.json()["spool"]["entries"]) == (200, "degraded", 2)
    assert 3_600 <= health.json()["spool"]["oldest_seconds"] < 3_700


@pytest.mark.parametrize(("minutes_ago", "folding"), [(0, "current"), (5, "behind")])
def test_health_says_whether_folding_is_behind(engine: sa.Engine, minutes_ago: int, folding: str) -> None:
    # Without this table nothing can be folded.
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE rcs_message_channel")
    land(
        engine,
        [Report("13", phone="600"), Report("13", phone="601")],
        datetime.now(UTC) - timedelta(minutes=minutes_ago),
    )

    response = push(ReportsApp(lambda: engine, LOOK_UPS), "/rcs/health", "GET", auth=None)

    assert response.status_code == 200
    health = response.json()
    assert (health["status"], health["folding"], health["unfolded"], health["set_aside"]) == ("ready", folding, 2, 0)
    assert 0 <= health["oldest_unfolded_seconds"] - minutes_ago * 60 < 60


def test_health_counts_the_reports_that_are_set_aside(engine: sa.Engine) -> None:
    land(engine, [Report("13", phone="600")], datetime.now(UTC))
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE rcs_report SET fold = 1, fold_error = 'refused'")

    response = push(ReportsApp(lambda: engine, LOOK_UPS), "/rcs/health", "GET", auth=None)

    assert (response.json()["folding"], response.json()["set_aside"]) == ("current", 1)


def test_the_receiver_is_not_ready_while_its_spool_is_full(tmp_path: Path) -> None:
    def get_engine() -> sa.Engine:
        raise RcsStoreError("store: not available")

    app = ReportsApp(get_engine, LOOK_UPS, spool=Spool(tmp_path / "spool", megabytes=0))

    assert push(app, "/rcs/health", "GET").json() == {"status": "not ready"}


def test_the_receiver_is_degraded_while_the_store_answers_but_takes_no_report(tmp_path: Path) -> None:
    without_tables = engine_from_url(f"sqlite:///{tmp_path}/empty.db")
    app = ReportsApp(lambda: without_tables, LOOK_UPS, spool=Spool(tmp_path / "spool"))
    assert push(app).json() == {"spooled": 1}

    health = push(app, "/rcs/health", "GET")

    without_tables.dispose()
    assert (health.status_code, health.json()["status"], health.json()["spool"]["entries"]) == (200, "degraded", 1)


def test_the_store_is_queried_again_after_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(health_module, "time", clock)
    queries: list[float] = []

    def get_engine() -> sa.Engine:
        queries.append(clock.now)
        raise RcsStoreError("store: not available")

    health = HealthCheck(get_engine, None, lambda: True)
    for seconds in (0, 0.5, 0.5, 0.5, 0.5):
        clock.now += seconds
        asyncio.run(health.check())

    assert queries == [1000, 1001, 1002]


@pytest.mark.parametrize(
    ("ahead", "seconds"), [(timedelta(0), 0), (timedelta(hours=1), 0), (-timedelta(hours=1), 3600)]
)
def test_the_age_of_what_waits_in_the_spool_is_in_whole_seconds(ahead: timedelta, seconds: int, tmp_path: Path) -> None:
    def get_engine() -> sa.Engine:
        raise RcsStoreError("store: not available")

    spool = Spool(tmp_path)
    spool.append([ReceivedReports(datetime.now(UTC) + ahead, [Report("13")])])
    health = HealthCheck(get_engine, spool, lambda: True)

    response: Response = asyncio.run(health.check())

    assert response._body in (
        b'{"status":"degraded","spool":{"entries":1,"oldest_seconds":%d}}' % (seconds + late) for late in range(60)
    )


def test_an_empty_spool_has_no_age(tmp_path: Path) -> None:
    def get_engine() -> sa.Engine:
        raise RcsStoreError("store: not available")

    response = push(ReportsApp(get_engine, LOOK_UPS, spool=Spool(tmp_path)), "/rcs/health", "GET")

    assert response.json() == {"status": "degraded", "spool": {"entries": 0, "oldest_seconds": 0}}


def test_a_spool_that_does_not_answer_in_time_is_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_module, "_TIMEOUT", 0.05)
    release = threading.Event()

    def get_engine() -> sa.Engine:
        raise RcsStoreError("store: not available")

    spool = Spool(tmp_path)
    monkeypatch.setattr(spool, "state", lambda: release.wait(60))

    response = push(ReportsApp(get_engine, LOOK_UPS, spool=spool), "/rcs/health", "GET")

    release.set()
    assert (response.status_code, response.json()) == (503, {"status": "not ready"})


def test_a_store_that_does_not_answer_in_time_is_not_ready(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_module, "_TIMEOUT", 0.05)
    release = threading.Event()
    health = HealthCheck(lambda: engine, None, lambda: True)
    monkeypatch.setattr(health, "_query", lambda: release.wait(60))

    response = asyncio.run(asyncio.wait_for(health.check(), 20))

    release.set()
    assert response is NOT_READY


def test_a_backlog_that_is_not_read_in_time_is_left_out(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_module, "_TIMEOUT", 2)
    release = threading.Event()
    monkeypatch.setattr(health_module, "read_backlog", lambda _: release.wait(60))
    health = HealthCheck(lambda: engine, None, lambda: True)

    response = asyncio.run(asyncio.wait_for(health.check(), 20))

    release.set()
    assert (response.status, response._body) == (200, b'{"status":"ready"}')
