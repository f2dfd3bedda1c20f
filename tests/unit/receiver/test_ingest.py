from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsStoreError
from airflow_provider_rcs.api.models import InboundMessage, Report
from airflow_provider_rcs.receiver import ingest
from airflow_provider_rcs.receiver.app import ReportsApp
from airflow_provider_rcs.receiver.group_commit import GroupCommit
from airflow_provider_rcs.receiver.ingest import Ingest
from airflow_provider_rcs.receiver.metrics import LoggedMetrics
from airflow_provider_rcs.receiver.responses import STORE_FAILED, RequestRefusedError
from airflow_provider_rcs.receiver.spool import Spool
from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.inbox.landing import ReceivedReports, RefusedReport
from tests.pushed_report import PUSHED
from tests.unit.receiver.clock import Clock
from tests.unit.receiver.pushing import (
    LOOK_UPS,
    PASSWORD,
    client,
    push,
    run,
    stored,
    stored_refused,
    wait_until,
)
from tests.unit.receiver.undeletable import undeletable


def test_concurrent_requests_share_commits(app: ReportsApp, engine: sa.Engine, no_time_limit: None) -> None:
    commits = _count_commits_of_reports(engine)
    arrived = 0

    async def counting(scope: Any, receive: Any, send: Any) -> None:
        nonlocal arrived
        arrived += 1
        await app(scope, receive, send)

    async def push_many() -> httpx.Response:
        async with client(counting) as pusher:
            first = await pusher.post("/rcs/reports", json=PUSHED)
            with closing(sa.create_engine(engine.url).raw_connection()) as other:
                other.cursor().execute("BEGIN IMMEDIATE")
                pushes = [asyncio.create_task(pusher.post("/rcs/reports", json=PUSHED)) for _ in range(100)]
                while arrived < 101:
                    await asyncio.sleep(0)
                other.rollback()
            assert {(await each).status_code for each in pushes} == {200}
        return first

    assert run(push_many()).status_code == 200
    assert len(stored(engine)) == 101
    assert sum(commits) <= 5


def test_a_failing_store_without_a_spool_is_answered_503_and_logged_without_data(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    without_tables = engine_from_url(f"sqlite:///{tmp_path}/empty.db")
    app = ReportsApp(lambda: without_tables, LOOK_UPS)

    with caplog.at_level(logging.DEBUG, "airflow_provider_rcs"):
        response = push(app)

    without_tables.dispose()
    assert response.status_code == 503
    assert "The store commit failed for 1 request(s): the database failed (OperationalError" in caplog.text
    assert not any(value in caplog.text for value in (PUSHED["Destinatario"], PUSHED["RefMensaje"], PASSWORD))


def app_without_store_until(available: threading.Event, engine: sa.Engine, folder: Path) -> ReportsApp:
    def get_engine() -> sa.Engine:
        if not available.is_set():
            raise RcsStoreError("store: not available yet")
        return engine

    return ReportsApp(get_engine, LOOK_UPS, spool=Spool(folder / "spool"))


def test_a_store_that_is_available_again_gets_the_reports_spooled_meanwhile(
    engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_time_limit: None
) -> None:
    monkeypatch.setattr(ingest, "_SECONDS_TO_NEXT_TRY", 0.01)
    available = threading.Event()
    app = app_without_store_until(available, engine, tmp_path)

    assert [push(app).status_code for _ in range(4)] == [200] * 4
    assert not stored(engine)
    available.set()
    wait_until(lambda: len(stored(engine)) == 4)
    wait_until(lambda: not list((tmp_path / "spool").iterdir()))
    assert push(app).status_code == 200
    wait_until(lambda: len(stored(engine)) == 5)


def test_a_report_is_answered_as_spooled_or_committed_as_it_was_saved(
    engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_time_limit: None
) -> None:
    monkeypatch.setattr(ingest, "_SECONDS_TO_NEXT_TRY", 0.01)
    available = threading.Event()
    app = app_without_store_until(available, engine, tmp_path)

    whole, part = push(app), push(app, json=[PUSHED, {}])
    available.set()
    wait_until(lambda: len(stored(engine)) == 2)
    wait_until(lambda: push(app).json() == {"committed": 1})

    assert (whole.status_code, whole.json()) == (200, {"spooled": 1})
    assert (part.status_code, part.json()["spooled"]) == (400, 1)


def test_an_entry_that_cannot_be_read_does_not_keep_a_store_unused(
    engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_time_limit: None
) -> None:
    monkeypatch.setattr(ingest, "_SECONDS_TO_NEXT_TRY", 0.01)
    available = threading.Event()
    app = app_without_store_until(available, engine, tmp_path)
    (tmp_path / "spool" / "0.spool").mkdir(parents=True)
    assert push(app).json() == {"spooled": 1}

    available.set()

    wait_until(lambda: push(app).json() == {"committed": 1})
    assert push(app, "/rcs/health", "GET").json()["status"] == "ready"


@pytest.mark.slow
def test_an_entry_that_cannot_be_deleted_lands_once_and_does_not_keep_a_store_unused(
    engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_time_limit: None
) -> None:
    monkeypatch.setattr(ingest, "_SECONDS_TO_NEXT_TRY", 0.01)
    left = Spool(tmp_path / "spool")
    left.append([ReceivedReports(datetime.now(UTC), [Report("13", api_message_id="left")])])
    for _ in left.drain():
        break
    (entry,) = (tmp_path / "spool").iterdir()
    available = threading.Event()

    with undeletable(entry):
        app = app_without_store_until(available, engine, tmp_path)
        assert push(app).json() == {"spooled": 1}
        available.set()
        wait_until(lambda: push(app).json() == {"committed": 1})
        for _ in range(3):
            # Each is spooled, because the store is blocked, and so has the spool drained once more.
            suspend_and_resume(app, engine)

    assert [each.api_message_id for each in stored(engine)].count("left") == 1


def suspend_and_resume(app: ReportsApp, engine: sa.Engine) -> None:
    with closing(sa.create_engine(engine.url).raw_connection()) as other, pytest.MonkeyPatch.context() as limits:
        limits.setattr(ingest, "_STORE_TIMEOUT", 0.05)
        other.cursor().execute("BEGIN IMMEDIATE")
        assert push(app).json() == {"spooled": 1}
        other.rollback()
        limits.setattr(ingest, "_STORE_TIMEOUT", 30)
        wait_until(lambda: push(app).json() == {"committed": 1})


def test_a_store_that_refuses_writes_is_not_taken_for_one_that_takes_reports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ingest, "_SECONDS_TO_NEXT_TRY", 0.01)
    without_tables = engine_from_url(f"sqlite:///{tmp_path}/empty.db")
    app = ReportsApp(lambda: without_tables, LOOK_UPS)

    with caplog.at_level(logging.DEBUG, ingest.log.name):
        answers = [push(app).status_code for _ in range(3)]
        wait_until(lambda: "The store is still not accepting reports" in caplog.text)
    health = push(app, "/rcs/health", "GET")

    without_tables.dispose()
    assert answers == [503] * 3
    assert (health.status_code, health.json()) == (503, {"status": "not ready"})
    assert caplog.text.count("they are answered 503, because no spool is set") == 1


@pytest.mark.slow
def test_a_slow_store_does_not_delay_the_response_for_a_second(
    app: ReportsApp, engine: sa.Engine, tmp_path: Path
) -> None:
    with closing(sa.create_engine(engine.url).raw_connection()) as other:
        other.cursor().execute("BEGIN IMMEDIATE")
        times = []
        for _ in range(3):
            started = time.monotonic()
            assert push(app).status_code == 200
            times.append(time.monotonic() - started)
        assert list((tmp_path / "spool").iterdir())
        other.rollback()

    assert max(times) < 1
    # Only the first one waited for the store.
    assert max(times[1:]) < 0.45
    wait_until(lambda: len(stored(engine)) >= 3)
    wait_until(lambda: not list((tmp_path / "spool").iterdir()))


def test_a_full_spool_is_answered_503_with_the_reason(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def get_engine() -> sa.Engine:
        raise RcsStoreError("store: not available")

    app = ReportsApp(get_engine, LOOK_UPS, spool=Spool(tmp_path / "spool", megabytes=0))

    response = push(app)

    assert (response.status_code, response.headers["Retry-After"]) == (503, "60")
    assert "spool is full" in response.text
    assert "the store does not accept them and the spool is full" in caplog.text


def test_a_spool_that_cannot_be_written_is_answered_503(tmp_path: Path) -> None:
    def get_engine() -> sa.Engine:
        raise RcsStoreError("store: not available")

    (tmp_path / "spool").write_text("a file instead of the folder")
    app = ReportsApp(get_engine, LOOK_UPS, spool=Spool(tmp_path / "spool"))

    assert push(app).status_code == 503
    assert push(app, "/rcs/health", "GET").status_code == 503


class SlowSpool(Spool):
    def append(self, pushes: Sequence[ReceivedReports]) -> None:  # noqa: ARG002
        time.sleep(1.2)


@pytest.mark.slow
def test_what_neither_store_nor_spool_saves_in_time_is_counted_and_logged_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def get_engine() -> sa.Engine:
        raise RcsStoreError("store: not available")

    metrics = LoggedMetrics()
    app = ReportsApp(get_engine, LOOK_UPS, spool=SlowSpool(tmp_path / "spool"), metrics=metrics)

    with caplog.at_level(logging.INFO, "airflow_provider_rcs"):
        answers = [push(app).status_code for _ in range(2)]
        metrics.log_totals()

    assert answers == [503, 503]
    assert "rcs.reports.unsaved=2" in caplog.text
    assert caplog.text.count("answered 503, because the store does not accept them and the spool takes too long") == 1


def test_a_refused_body_is_spooled_while_the_store_is_unavailable(
    engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "_SECONDS_TO_NEXT_TRY", 0.01)
    available = threading.Event()
    app = app_without_store_until(available, engine, tmp_path)

    assert push(app, content=b"\xff\0", headers={"Content-Type": "application/json"}).status_code == 400
    available.set()

    wait_until(lambda: stored_refused(engine))
    assert stored_refused(engine)[0].body == b"\xff\0"


def _count_commits_of_reports(engine: sa.Engine) -> list[int]:
    """Return a list that gets an entry with each commit of inserted reports."""
    commits: list[int] = []

    @sa.event.listens_for(engine, "before_cursor_execute")
    def inserting(connection: sa.Connection, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("INSERT INTO rcs_report"):
            connection.info["inserted"] = True

    @sa.event.listens_for(engine, "commit")
    def committing(connection: sa.Connection) -> None:
        commits.extend([1] if connection.info.pop("inserted", False) else [])

    return commits


def _refuse_reports(engine: sa.Engine, when: str) -> None:
    """Have the database refuse, as too large, the data of reports that meet a condition."""
    with engine.begin() as connection:
        connection.exec_driver_sql(
            f"CREATE TRIGGER refuse BEFORE INSERT ON rcs_report WHEN {when} BEGIN SELECT zeroblob(2000000000); END"
        )


def test_only_the_report_whose_data_is_refused_is_kept_with_the_refused(
    app: ReportsApp, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, no_time_limit: None
) -> None:
    monkeypatch.setattr(ingest, "_SECONDS_TO_NEXT_TRY", 0.01)
    _refuse_reports(engine, "NEW.agent = 'bad'")

    assert push(app, json=[PUSHED, {**PUSHED, "Agente": "bad"}, PUSHED]).status_code == 200

    wait_until(lambda: stored_refused(engine) and len(stored(engine)) == 2)
    assert [each.agent for each in stored(engine)] == [PUSHED["Agente"]] * 2
    (refused,) = stored_refused(engine)
    assert [each["agent"] for each in json.loads(refused.body)["reports"]] == ["bad"]
    assert (refused.reason, refused.content_type) == ("the database rejected it", "application/json")
    assert (refused.reports_conn_id, refused.received_at) == ("rcs_reports", stored(engine)[0].received_at)


def test_of_two_reports_the_one_whose_data_is_not_refused_lands(
    app: ReportsApp, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, no_time_limit: None
) -> None:
    monkeypatch.setattr(ingest, "_SECONDS_TO_NEXT_TRY", 0.01)
    _refuse_reports(engine, "NEW.agent = 'bad'")

    assert push(app, json=[{**PUSHED, "Agente": "bad"}, PUSHED]).status_code == 200

    wait_until(lambda: stored_refused(engine) and stored(engine))
    assert [each.agent for each in stored(engine)] == [PUSHED["Agente"]]


def test_what_a_dead_process_leaves_in_the_spool_is_found_without_a_request(
    app: ReportsApp, engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "_SECONDS_BETWEEN_SPOOL_CHECKS", 0.05)
    push(app)
    wait_until(lambda: len(stored(engine)) == 1)

    left = Spool(tmp_path / "spool")
    left.append([PUSH])
    for _ in left.drain():
        break

    wait_until(lambda: len(stored(engine)) == 2)


def test_a_store_that_is_available_again_is_used_without_a_spool_too(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "_SECONDS_TO_NEXT_TRY", 0.01)
    is_away = True

    def get_engine() -> sa.Engine:
        return no_store() if is_away else engine

    saving = Ingest(get_engine, None, Recorded(), lambda: None)
    unsaved(saving)

    is_away = False

    wait_until(saving.store_takes_reports)


def test_the_store_is_connected_to_once(engine: sa.Engine) -> None:
    asked = []
    saving = Ingest(lambda: asked.append(1) or engine, None, Recorded(), lambda: None)  # type: ignore[func-returns-value]

    for _ in range(3):
        save(saving)

    # Once to see which database it is, and for each commit.
    assert len(asked) == 1 + 3


def test_what_came_with_a_report_whose_data_is_refused_lands(
    app: ReportsApp, engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, no_time_limit: None
) -> None:
    monkeypatch.setattr(ingest, "_SECONDS_TO_NEXT_TRY", 0.01)
    _refuse_reports(engine, "NEW.agent = 'bad'")
    left = Spool(tmp_path / "spool")
    left.append([PUSH._replace(reports=[Report("13", agent="bad")]), PUSH])
    for _ in left.drain():
        break

    assert push(app).json() == {"committed": 1}

    wait_until(lambda: len(stored(engine)) == 2 and len(stored_refused(engine)) == 2)
    assert {each.reason for each in stored_refused(engine)} == {"it is empty", "the database rejected it"}
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT text FROM rcs_inbound").scalars().all() == ["hello"]


@pytest.mark.slow
def test_a_database_that_refuses_every_report_keeps_them_in_the_spool(
    app: ReportsApp, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, no_time_limit: None
) -> None:
    monkeypatch.setattr(ingest, "_SECONDS_TO_NEXT_TRY", 0.01)
    _refuse_reports(engine, "1")
    tried = threading.Semaphore(0)
    sa.event.listen(engine, "rollback", lambda _connection: tried.release())

    assert [push(app).status_code for _ in range(3)] == [200] * 3
    for _ in range(20):
        assert tried.acquire(timeout=60)
    assert (stored(engine), stored_refused(engine)) == ([], [])

    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER refuse")
    wait_until(lambda: len(stored(engine)) == 3)
    assert stored_refused(engine) == []


def test_a_report_is_not_refused_if_the_database_is_put_right_between_two_tries(
    app: ReportsApp, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, no_time_limit: None
) -> None:
    monkeypatch.setattr(ingest, "_SECONDS_TO_NEXT_TRY", 0.01)
    _refuse_reports(engine, "1")

    def put_right_and_accept(engine: sa.Engine) -> bool:
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP TRIGGER IF EXISTS refuse")
        return True

    monkeypatch.setattr(ingest, "accepts_another_report", put_right_and_accept)
    push(app)

    wait_until(lambda: stored(engine) or stored_refused(engine))
    assert (len(stored(engine)), stored_refused(engine)) == (1, [])


@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("break_store", "mend_store"),
    [
        ("REVOKE INSERT ON rcs_report FROM rcs_receiver", "GRANT INSERT ON rcs_report TO rcs_receiver"),
        ("ALTER TABLE rcs_report RENAME COLUMN agent TO old", "ALTER TABLE rcs_report RENAME COLUMN old TO agent"),
        ("ALTER TABLE rcs_report ADD COLUMN new int NOT NULL", "ALTER TABLE rcs_report DROP COLUMN new"),
    ],
)
def test_reports_wait_until_the_database_is_put_right(
    postgres_engine: sa.Engine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    no_time_limit: None,
    break_store: str,
    mend_store: str,
) -> None:
    monkeypatch.setattr(ingest, "_SECONDS_TO_NEXT_TRY", 0.01)
    receivers_engine = _as_receiver(postgres_engine)
    tried = threading.Semaphore(0)
    sa.event.listen(receivers_engine, "rollback", lambda _connection: tried.release())
    app = ReportsApp(lambda: receivers_engine, LOOK_UPS, spool=Spool(tmp_path / "spool"))
    with postgres_engine.begin() as connection:
        connection.exec_driver_sql(break_store)
    try:
        assert [push(app).status_code for _ in range(5)] == [200] * 5
        for _ in range(20):
            assert tried.acquire(timeout=60)
    finally:
        with postgres_engine.begin() as connection:
            connection.exec_driver_sql(mend_store)

    wait_until(lambda: len(stored(postgres_engine)) == 5)
    assert stored_refused(postgres_engine) == []


def _as_receiver(engine: sa.Engine) -> sa.Engine:
    """Return an engine of the same store, for a role that owns nothing."""
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "DO $$ BEGIN CREATE ROLE rcs_receiver LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$"
        )
        for what in ("TABLES", "SEQUENCES"):
            connection.exec_driver_sql(f"GRANT ALL ON ALL {what} IN SCHEMA public TO rcs_receiver")
    return engine_from_url(engine.url.set(username="rcs_receiver").render_as_string(hide_password=False))


PUSH = ReceivedReports(
    datetime(2026, 5, 1, tzinfo=UTC),
    [Report("13")],
    [RefusedReport("it is empty", "", b"")],
    [InboundMessage("+34600000001", "hello")],
)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(ingest, "time", clock)
    return clock


class Recorded:
    """Metrics that keep what they are given."""

    def __init__(self) -> None:
        self.counts: list[tuple[str, int]] = []
        self.times: list[tuple[str, float]] = []

    def incr(self, stat: str, count: int = 1) -> None:
        self.counts.append((stat, count))

    def timing(self, stat: str, dt: float) -> None:
        self.times.append((stat, dt))


def no_store() -> sa.Engine:
    raise RcsStoreError("store: not available")


def save(saving: Ingest, seconds: float = 60) -> str:
    async def go() -> str:
        return await saving.save(PUSH, seconds)

    return asyncio.run(go())


def unsaved(saving: Ingest, seconds: float = 60) -> RequestRefusedError:
    with pytest.raises(RequestRefusedError) as refused:
        save(saving, seconds)
    return refused.value


@pytest.mark.parametrize(("seconds", "has_spool", "for_store"), [(0.9, True, 0.5), (0.5, True, 0.3), (0.9, False, 0.9)])
def test_the_store_leaves_the_spool_a_share_of_the_time(
    seconds: float,
    has_spool: bool,
    for_store: float,
    clock: Clock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    limits = []

    async def commit(_self: object, item: ReceivedReports, timeout: float) -> None:
        assert item is PUSH
        limits.append(timeout)
        clock.now += timeout
        raise TimeoutError

    monkeypatch.setattr(GroupCommit, "commit", commit)
    saving = Ingest(no_store, Spool(tmp_path) if has_spool else None, Recorded(), lambda: None)

    assert unsaved(saving, seconds).response.status == 503

    assert limits == pytest.approx([for_store, seconds - for_store] if has_spool else [for_store])
    where = "go to the spool" if has_spool else "are answered 503, because no spool is set"
    assert f"The store is not accepting reports (its commits take too long); until it does, they {where}" in caplog.text


def test_what_is_committed_is_counted_and_timed_and_opts_out(engine: sa.Engine, clock: Clock) -> None:
    metrics, landed = Recorded(), []

    def get_engine() -> sa.Engine:
        clock.now += 7
        return engine

    def commit(_connection: sa.Connection) -> None:
        clock.now += 0.25

    sa.event.listen(engine, "commit", commit)
    saving = Ingest(get_engine, None, metrics, lambda: landed.append(True), ["HELLO"])

    assert save(saving) == "committed"

    with engine.connect() as connection:
        suppressed = connection.exec_driver_sql("SELECT phone FROM rcs_suppression").scalars().all()
    assert suppressed == ["+34600000001"]
    assert metrics.times == [("rcs.reports.commit_time", 250)]
    assert metrics.counts == [("rcs.reports.committed", 2)]
    assert landed == [True]
    assert saving.store_takes_reports()


@pytest.mark.parametrize("reports_only", [True, False])
def test_on_psycopg_reports_alone_land_from_the_event_loop(
    reports_only: bool, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    pushed = PUSH._replace(refused=(), inbound=()) if reports_only else PUSH._replace(refused=())
    engine: Any = SimpleNamespace(dialect=SimpleNamespace(driver="psycopg"))
    landed: list[tuple[Any, ...]] = []

    class Landing:
        def __init__(self, given: object) -> None:
            assert given is engine

        async def land(self, pushes: Sequence[ReceivedReports], timeout: float) -> None:
            clock.now += 0.25
            landed.append(("event loop", list(pushes), timeout))

    monkeypatch.setattr(ingest, "AsyncLanding", Landing)
    monkeypatch.setattr(
        ingest, "land_all", lambda _engine, pushes, words: landed.append(("thread", list(pushes), words))
    )
    metrics = Recorded()
    saving = Ingest(lambda: engine, None, metrics, lambda: landed.append(()), ["STOP"])

    async def go() -> list[str]:
        return [await saving.save(pushed, 60) for _ in range(2)]

    assert asyncio.run(go()) == ["committed"] * 2
    once = ("event loop", [pushed], 0.5) if reports_only else ("thread", [pushed], ["STOP"])
    assert landed == [once, ()] * 2
    assert metrics.times == [("rcs.reports.commit_time", 250 if reports_only else 0)] * 2
    assert metrics.counts == [("rcs.reports.committed", 1 if reports_only else 2)] * 2
    assert saving._store_commits.concurrent == 2


def test_what_is_spooled_or_lost_is_counted_with_what_was_refused(tmp_path: Path) -> None:
    spooled, lost = Recorded(), Recorded()

    assert save(Ingest(no_store, Spool(tmp_path), spooled, lambda: None)) == "spooled"
    refused = unsaved(Ingest(no_store, None, lost, lambda: None))

    assert spooled.counts == [("rcs.reports.spooled", 3)]
    assert lost.counts == [("rcs.reports.unsaved", 3)]
    assert refused.response is STORE_FAILED


def test_what_is_answered_503_is_logged_once_a_minute_with_the_reason(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    saving = Ingest(no_store, None, Recorded(), lambda: None)

    for seconds in (0, 59, 1, 59):
        clock.now += seconds
        unsaved(saving)

    lines = [each.message for each in caplog.records if "answered 503, because the store" in each.message]
    assert (
        lines
        == [
            "Reports are answered 503, because the store does not accept them and no spool is set",
        ]
        * 2
    )


@pytest.mark.slow
def test_a_spool_that_cannot_be_written_is_named_as_the_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "spool").write_text("a file instead of the folder")

    refused = unsaved(Ingest(no_store, Spool(tmp_path / "spool"), Recorded(), lambda: None))

    assert refused.response is STORE_FAILED
    assert "and the spool cannot be written" in caplog.text
    assert "The store commit failed for 1 request(s): store: not available" in caplog.text
    assert "The spool commit failed for 1 request(s): FileExistsError" in caplog.text
    assert "(its commits fail); until it does, they go to the spool" in caplog.text


def test_a_store_stays_suspended_while_its_commits_are_slow(
    engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(ingest, "_SECONDS_TO_NEXT_TRY", 0.01)
    takes = [0.5]
    tries: list[float] = []

    def commit(_connection: sa.Connection) -> None:
        tries.append(takes[0])

    monkeypatch.setattr(ingest, "time", SteppingClock(takes))
    sa.event.listen(engine, "commit", commit)
    available = threading.Event()

    def get_engine() -> sa.Engine:
        return engine if available.is_set() else no_store()

    saving = Ingest(get_engine, Spool(tmp_path / "spool"), Recorded(), lambda: None)
    assert save(saving) == "spooled"
    available.set()
    # The spool first, and then some tries.
    wait_until(lambda: len(tries) >= 5)
    was_suspended = not saving.store_takes_reports()
    takes[0] = 0.25
    wait_until(saving.store_takes_reports)

    assert was_suspended
    wait_until(lambda: "The store is accepting reports again" in caplog.text)


class SteppingClock(Clock):
    """A clock that moves on whenever it is looked at."""

    def __init__(self, step: list[float]) -> None:
        super().__init__()
        self.step = step

    def monotonic(self) -> float:
        self.now += self.step[0]
        return self.now
