from __future__ import annotations

import asyncio
import logging
import threading
import time
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from starlette.middleware.gzip import GZipMiddleware

from airflow_provider_rcs.api.errors import RcsStoreError
from airflow_provider_rcs.receiver import app as app_module
from airflow_provider_rcs.receiver import ingest
from airflow_provider_rcs.receiver.app import ReportsApp
from airflow_provider_rcs.receiver.credentials import Credentials
from airflow_provider_rcs.receiver.spool import Spool
from airflow_provider_rcs.store.engine import engine_from_url
from tests.unit.receiver.pushing import (
    CREDENTIALS,
    FIELDS,
    LOGIN,
    PASSWORD,
    client,
    kept_refused,
    push,
    run,
    stored,
    wait_until,
)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the receiver wait for the store for as long as it takes."""
    monkeypatch.setattr(ingest, "_SECONDS_FOR_THE_STORE", 30)
    monkeypatch.setattr(app_module, "_SECONDS_TO_ANSWER", 60)


def test_report_is_committed_when_the_answer_says_so(app: ReportsApp, engine: sa.Engine) -> None:
    answer = push(app)

    assert (answer.status_code, answer.json()) == (200, {"committed": 1})
    (report,) = stored(engine)
    assert (report.status_code, report.phone, report.api_message_id) == ("11", "34600000001", "33434444443")
    assert report.reported_at_text == "2020-12-03 11:14:24"


def test_answer_waits_for_the_commit(app: ReportsApp, engine: sa.Engine, patient: None) -> None:
    async def push_while_another_process_writes() -> httpx.Response:
        async with client(app) as pusher:
            with closing(sa.create_engine(engine.url).raw_connection()) as other:
                other.cursor().execute("BEGIN IMMEDIATE")
                answer = asyncio.create_task(pusher.post("/rcs/reports", json=FIELDS))
                done, _ = await asyncio.wait([answer], timeout=0.3)
                assert not done
                other.rollback()
            return await answer

    assert run(push_while_another_process_writes()).status_code == 200
    assert len(stored(engine)) == 1


@pytest.mark.parametrize(
    "request_",
    [
        {"json": FIELDS},
        {"json": [FIELDS, {"Estado": "13"}]},
        {"data": FIELDS},
        {"files": {name: (None, value) for name, value in FIELDS.items()}},
    ],
    ids=["json", "list with one that is refused", "form", "multipart"],
)
@pytest.mark.parametrize(("zone", "hour"), [("Europe/Madrid", 10), ("UTC", 11), ("America/Bogota", 16)])
def test_report_is_dated_by_the_clock_that_is_set(
    engine: sa.Engine, request_: dict[str, Any], zone: str, hour: int
) -> None:
    push(ReportsApp(lambda: engine, lambda: CREDENTIALS, timezone=ZoneInfo(zone)), **request_)

    (report,) = stored(engine)
    assert report.reported_at == datetime(2020, 12, 3, hour, 14, 24, tzinfo=UTC)


def test_middleware_around_it_may_add_headers_to_one_answer_without_adding_them_to_the_next(
    app: ReportsApp, engine: sa.Engine
) -> None:
    compressing = GZipMiddleware(app, minimum_size=0)

    answers = [push(compressing), push(app)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert ["vary" in answer.headers for answer in answers] == [True, False]
    assert len(stored(engine)) == 2


def test_list_of_reports_is_committed_whole(app: ReportsApp, engine: sa.Engine) -> None:
    answer = push(app, json=[{**FIELDS, "idMensaje": str(number)} for number in range(3)])

    assert answer.json() == {"committed": 3}
    assert [report.api_message_id for report in stored(engine)] == ["0", "1", "2"]


@pytest.mark.parametrize(
    "request_",
    [
        {"json": FIELDS},
        {"json": {name.upper(): int(value) if value.isdigit() else value for name, value in FIELDS.items()}},
        {"json": FIELDS, "headers": {"Content-Type": "Application/JSON; charset=UTF-8"}},
        {"data": FIELDS},
        {"files": {name: (None, value) for name, value in FIELDS.items()}},
    ],
    ids=["json", "upper case and numbers", "content type in other letters", "url-encoded form", "multipart form"],
)
def test_each_format_of_the_service_is_understood_alike(
    app: ReportsApp, engine: sa.Engine, request_: dict[str, Any]
) -> None:
    answer = push(app, **request_)

    assert answer.status_code == 200, answer.text
    (report,) = stored(engine)
    assert (report.service, report.status_code, report.phone) == ("RCS", "11", "34600000001")
    assert (report.campaign_reference, report.message_reference) == ("12333-4545-23233", "36578294H")
    assert (report.api_campaign_id, report.api_message_id) == ("10573758", "33434444443")


@pytest.mark.parametrize(
    "auth",
    [
        None,
        (LOGIN, "wrong"),
        ("wrong", PASSWORD),
        (LOGIN.upper(), PASSWORD),
        ("", ""),
        (LOGIN, PASSWORD + " "),
    ],
)
def test_wrong_credentials_are_refused_before_the_body_is_read(
    app: ReportsApp, engine: sa.Engine, auth: tuple[str, str] | None
) -> None:
    body_read = False

    async def body() -> AsyncIterator[bytes]:
        nonlocal body_read
        body_read = True
        yield b"{}"

    answer = push(app, content=body(), auth=auth, headers={"Content-Type": "application/json"})

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert not body_read
    assert not stored(engine)


def test_without_configured_credentials_everything_is_refused_and_the_log_says_why_once(
    engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    app = ReportsApp(lambda: engine, lambda: None)

    answers = [push(app, auth=auth).status_code for auth in (None, ("", ""), (LOGIN, PASSWORD))]

    assert answers == [503, 503, 503]
    assert [record.message for record in caplog.records if "refused" in record.message] == [
        "All reports are refused, because there is no login and password to check: none are configured"
    ]
    assert not stored(engine)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400),
        ({"json": "34600000001"}, 400),
        ({"json": []}, 400),
        ({"json": [FIELDS, {"Estado": "13"}]}, 400),
        ({"data": {"Destinatario": "34600000001"}}, 400),
        ({"content": b"--x", "headers": {"Content-Type": "multipart/form-data"}}, 400),
        ({"files": {"Estado": ("status.txt", b"13")}}, 400),
        ({"json": {**FIELDS, "Agente": "34600000001\0"}}, 400),
        ({"json": {**FIELDS, "34600000001\0": "1"}}, 400),
        ({"json": {**FIELDS, "Estado": "34600000001" * 3}}, 400),
        ({"content": b'{"Estado": "13", "idMensaje": ' + b"[" * 500 + b"]" * 500 + b"}"}, 415),
        (
            {
                "content": b'{"Estado": "13", "idMensaje": ' + b"[" * 500 + b"]" * 500 + b"}",
                "headers": {"Content-Type": "application/json"},
            },
            400,
        ),
        ({"content": b"<report/>", "headers": {"Content-Type": "text/xml"}}, 415),
        ({"json": {**FIELDS, "Agente": "x" * 70_000}}, 413),
    ],
)
def test_what_cannot_be_understood_is_refused_without_an_echo(
    app: ReportsApp, engine: sa.Engine, request_: dict[str, Any], status: int
) -> None:
    answer = push(app, **request_)

    assert answer.status_code == status, answer.text
    assert answer.json()["error"]
    assert "34600000001" not in answer.text
    assert len(stored(engine)) == answer.json().get("committed", 0)


def test_body_without_a_length_is_read_up_to_the_limit_only(app: ReportsApp, engine: sa.Engine) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield b" " * 1024

    answer = push(app, content=endless(), headers={"Content-Type": "application/json"})

    assert answer.status_code == 413
    assert read == 65


def test_body_in_chunks_is_put_together(app: ReportsApp, engine: sa.Engine) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b'{"Estado": "13", '
        yield b'"idMensaje": "7"}'

    answer = push(app, content=chunks(), headers={"Content-Type": "application/json"})

    assert answer.status_code == 200
    assert stored(engine)[0].api_message_id == "7"


@pytest.mark.parametrize(
    ("method", "path", "status", "allowed"),
    [
        ("GET", "/rcs/reports", 405, "POST"),
        ("PUT", "/rcs/reports", 405, "POST"),
        ("POST", "/rcs/health", 405, "GET, HEAD"),
        ("GET", "/rcs/health", 200, None),
        ("HEAD", "/rcs/health", 200, None),
        ("POST", "/reports", 404, None),
        ("POST", "/rcs/reports/", 404, None),
        ("POST", "/other/rcs/reports", 404, None),
        ("GET", "/", 404, None),
        ("GET", "/rcs/docs", 404, None),
        ("GET", "/rcs/openapi.json", 404, None),
    ],
)
def test_there_are_two_addresses_and_no_more(
    app: ReportsApp, method: str, path: str, status: int, allowed: str | None
) -> None:
    answer = push(app, path, method)

    assert answer.status_code == status
    assert answer.headers.get("Allow") == allowed


@pytest.mark.parametrize(
    "request_", [{}, {"auth": None}, {"path": "/"}, {"method": "GET"}, {"content": b""}, {"json": []}]
)
def test_every_answer_carries_the_same_headers(app: ReportsApp, request_: dict[str, Any]) -> None:
    answer = push(app, **request_)

    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    answer.json()


@pytest.mark.parametrize(
    ("root_path", "path"), [("", "/rcs/reports"), ("/airflow", "/airflow/rcs/reports"), ("/airflow", "/rcs/reports")]
)
def test_mounted_in_another_application_it_has_the_same_addresses(
    app: ReportsApp, engine: sa.Engine, root_path: str, path: str
) -> None:
    server = FastAPI(root_path=root_path)
    server.mount("/rcs", app)

    assert push(server, path).status_code == 200
    assert push(server, path.replace("reports", "health"), "GET").status_code == 200
    assert push(server, path + "/more").status_code == 404
    assert len(stored(engine)) == 1


def test_concurrent_requests_share_commits(app: ReportsApp, engine: sa.Engine, patient: None) -> None:
    commits = _count_commits_of_reports(engine)
    arrived = 0

    async def counting(scope: Any, receive: Any, send: Any) -> None:
        nonlocal arrived
        arrived += 1
        await app(scope, receive, send)

    async def push_many() -> httpx.Response:
        async with client(counting) as pusher:
            first = await pusher.post("/rcs/reports", json=FIELDS)
            with closing(sa.create_engine(engine.url).raw_connection()) as other:
                other.cursor().execute("BEGIN IMMEDIATE")
                pushes = [asyncio.create_task(pusher.post("/rcs/reports", json=FIELDS)) for _ in range(100)]
                while arrived < 101:
                    await asyncio.sleep(0)
                other.rollback()
            assert {(await each).status_code for each in pushes} == {200}
        return first

    assert run(push_many()).status_code == 200
    assert len(stored(engine)) == 101
    assert sum(commits) <= 5


def test_failing_store_without_a_spool_is_answered_503_and_the_log_holds_no_data(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    without_tables = engine_from_url(f"sqlite:///{tmp_path}/empty.db")
    app = ReportsApp(lambda: without_tables, lambda: CREDENTIALS)

    with caplog.at_level(logging.DEBUG, "airflow_provider_rcs"):
        answer = push(app)

    without_tables.dispose()
    assert answer.status_code == 503
    assert "could not be committed to the store: the database failed (OperationalError" in caplog.text
    assert not any(value in caplog.text for value in (FIELDS["Destinatario"], FIELDS["RefMensaje"], PASSWORD))


def app_whose_store_is_away_until(back: threading.Event, engine: sa.Engine, folder: Path) -> ReportsApp:
    def provider() -> sa.Engine:
        if not back.is_set():
            raise RcsStoreError("store: not there yet")
        return engine

    return ReportsApp(provider, lambda: CREDENTIALS, spool=Spool(folder / "spool"))


def test_store_that_comes_back_is_found_again_and_gets_what_was_kept_meanwhile(
    engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patient: None
) -> None:
    monkeypatch.setattr(ingest, "_SECONDS_TO_THE_NEXT_TRY", 0.01)
    back = threading.Event()
    app = app_whose_store_is_away_until(back, engine, tmp_path)

    assert [push(app).status_code for _ in range(4)] == [200] * 4
    assert not stored(engine)
    back.set()
    wait_until(lambda: len(stored(engine)) == 4)
    wait_until(lambda: not list((tmp_path / "spool").iterdir()))
    assert push(app).status_code == 200
    wait_until(lambda: len(stored(engine)) == 5)


def test_store_that_is_slow_does_not_keep_the_answer_for_a_second(
    app: ReportsApp, engine: sa.Engine, tmp_path: Path
) -> None:
    with closing(sa.create_engine(engine.url).raw_connection()) as other:
        other.cursor().execute("BEGIN IMMEDIATE")
        times = []
        for _ in range(3):
            begun = time.monotonic()
            assert push(app).status_code == 200
            times.append(time.monotonic() - begun)
        assert list((tmp_path / "spool").iterdir())
        other.rollback()

    assert max(times) < 1
    # The first one waited for the store; the others know of it.
    assert max(times[1:]) < 0.45
    wait_until(lambda: len(stored(engine)) >= 3)
    wait_until(lambda: not list((tmp_path / "spool").iterdir()))


def test_nobody_waits_for_a_look_up_of_the_credentials_that_hangs(engine: sa.Engine) -> None:
    hanging = threading.Event()

    def look_up() -> Credentials:
        hanging.wait()
        return CREDENTIALS

    answer = push(ReportsApp(lambda: engine, look_up))
    hanging.set()

    assert answer.status_code == 503
    assert not stored(engine)


def test_full_spool_is_answered_503_that_says_so(engine: sa.Engine, tmp_path: Path) -> None:
    def provider() -> sa.Engine:
        raise RcsStoreError("store: not there")

    app = ReportsApp(provider, lambda: CREDENTIALS, spool=Spool(tmp_path / "spool", megabytes=0))

    answer = push(app)

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    assert "spool is full" in answer.text


def test_spool_that_cannot_be_written_is_answered_503(tmp_path: Path) -> None:
    def provider() -> sa.Engine:
        raise RcsStoreError("store: not there")

    (tmp_path / "spool").write_text("a file in the place of the folder")
    app = ReportsApp(provider, lambda: CREDENTIALS, spool=Spool(tmp_path / "spool"))

    assert push(app).status_code == 503
    assert push(app, "/rcs/health", "GET").status_code == 503


@pytest.mark.parametrize(
    ("request_", "status", "reports", "reason"),
    [
        ({"content": b"\xff{", "headers": {"Content-Type": "application/json"}}, 400, 0, "the body is not JSON"),
        ({"json": [FIELDS, {"Estado": "13"}]}, 400, 1, "report 2 of 2: a report names no message"),
        ({"content": b"<report/>", "headers": {"Content-Type": "text/xml"}}, 415, 0, "send application/json"),
    ],
)
def test_what_cannot_be_understood_is_kept_whole_and_the_rest_of_it_is_committed(
    app: ReportsApp, engine: sa.Engine, patient: None, request_: dict[str, Any], status: int, reports: int, reason: str
) -> None:
    answer = push(app, **request_)

    assert answer.status_code == status
    assert len(stored(engine)) == reports
    (refused,) = kept_refused(engine)
    assert refused.reason.startswith(reason)
    assert refused.body == (request_.get("content") or answer.request.content)
    assert refused.content_type == answer.request.headers["Content-Type"]


def test_what_cannot_be_understood_while_the_store_is_away_goes_by_the_spool(
    engine: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingest, "_SECONDS_TO_THE_NEXT_TRY", 0.01)
    back = threading.Event()
    app = app_whose_store_is_away_until(back, engine, tmp_path)

    assert push(app, content=b"\xff\0", headers={"Content-Type": "application/json"}).status_code == 400
    back.set()

    wait_until(lambda: kept_refused(engine))
    assert kept_refused(engine)[0].body == b"\xff\0"


def test_after_many_wrong_passwords_an_address_is_told_to_wait(app: ReportsApp, engine: sa.Engine) -> None:
    answers = [push(app, auth=(LOGIN, "wrong")).status_code for _ in range(25)]

    assert answers == [401] * 20 + [429] * 5
    assert push(app).status_code == 429
    assert not stored(engine)


def test_what_it_does_is_counted(engine: sa.Engine, tmp_path: Path) -> None:
    counted: Counter[str] = Counter()

    class Counters:
        def count(self, name: str, number: int = 1) -> None:
            counted[name] += number

        def took(self, name: str, seconds: float) -> None:
            assert 0 < seconds < 10
            counted[name] += 1

    app = ReportsApp(lambda: engine, lambda: CREDENTIALS, spool=Spool(tmp_path / "spool"), counters=Counters())

    push(app, json=[FIELDS, FIELDS, {}])
    push(app, auth=None)

    assert counted == {
        "rcs.reports.received": 2,
        "rcs.reports.committed": 2,
        "rcs.reports.refused": 1,
        "rcs.reports.unauthorized": 1,
        "rcs.reports.commit_time": 1,
    }


def test_health_tells_ready_or_not_and_asks_the_store_once_a_second(tmp_path: Path) -> None:
    asked = 0

    def provider() -> sa.Engine:
        nonlocal asked
        if threading.current_thread().name == "rcs-reports-health check":
            asked += 1
        raise RcsStoreError("store: not there")

    app = ReportsApp(provider, lambda: CREDENTIALS)

    answers = [push(app, "/rcs/health", "GET", auth=None) for _ in range(20)]

    assert {(answer.status_code, answer.text) for answer in answers} == {(503, '{"status":"not ready"}')}
    assert asked == 1


def test_health_is_ready_while_the_spool_takes_reports(tmp_path: Path) -> None:
    def provider() -> sa.Engine:
        raise RcsStoreError("store: not there")

    app = ReportsApp(provider, lambda: CREDENTIALS, spool=Spool(tmp_path / "spool"))

    assert push(app, "/rcs/health", "GET").json() == {"status": "ready"}


def test_landed_reports_are_folded_in_the_background(app: ReportsApp, engine: sa.Engine) -> None:
    push(app)

    wait_until(lambda: stored(engine)[0].fold is not None)


def test_reports_that_landed_before_the_start_are_folded_at_the_start(app: ReportsApp, engine: sa.Engine) -> None:
    push(ReportsApp(lambda: engine, lambda: CREDENTIALS))
    wait_until(lambda: stored(engine)[0].fold is not None)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE rcs_report SET fold = NULL")

    assert asyncio.run(_live(app)) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]

    wait_until(lambda: stored(engine)[0].fold is not None)


def test_client_that_hangs_up_gets_no_answer_and_stores_nothing(app: ReportsApp, engine: sa.Engine) -> None:
    sent: list[Any] = []
    messages = iter(
        [{"type": "http.request", "body": b'{"Estado": "13"', "more_body": True}, {"type": "http.disconnect"}]
    )

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    authorization = b"Basic " + b64encode(f"{LOGIN}:{PASSWORD}".encode())
    headers = [(b"authorization", authorization), (b"content-type", b"application/json")]
    asyncio.run(app({"type": "http", "method": "POST", "path": "/rcs/reports", "headers": headers}, receive, send))

    assert not sent
    assert not stored(engine)


def test_web_sockets_are_turned_away(app: ReportsApp) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    asyncio.run(app({"type": "websocket", "path": "/rcs/reports", "headers": []}, receive, send))

    assert sent == [{"type": "websocket.close"}]


async def _live(app: ReportsApp) -> list[str]:
    sent: list[str] = []
    messages = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive() -> Any:
        return {"type": next(messages)}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await app({"type": "lifespan"}, receive, send)
    return sent


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
