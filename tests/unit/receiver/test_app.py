from __future__ import annotations

import asyncio
import gzip
import json
import logging
import threading
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI

from airflow_provider_rcs.api.errors import RcsStoreError
from airflow_provider_rcs.api.wire import reports
from airflow_provider_rcs.receiver import app as app_module
from airflow_provider_rcs.receiver import background
from airflow_provider_rcs.receiver.app import ReportsApp
from airflow_provider_rcs.receiver.auth import Credentials
from airflow_provider_rcs.receiver.ingest import Ingest
from airflow_provider_rcs.receiver.responses import Saved
from airflow_provider_rcs.receiver.spool import Spool
from airflow_provider_rcs.store.db.tables import campaign, request
from airflow_provider_rcs.store.inbox.landing import ReceivedReports
from airflow_provider_rcs.store.inbox.silence import SILENT_AFTER
from tests.pushed_report import PUSHED
from tests.unit.api.wire.bodies import SMS_RECEIVED
from tests.unit.receiver.clock import Clock
from tests.unit.receiver.pushing import (
    CREDENTIALS,
    LOGIN,
    LOOK_UPS,
    PASSWORD,
    client,
    push,
    run,
    stored,
    stored_refused,
    wait_until,
)
from tests.unit.receiver.test_background import CountingMetrics
from tests.unit.store.given import sent


def test_a_report_is_committed_before_the_response_says_so(app: ReportsApp, engine: sa.Engine) -> None:
    response = push(app)

    assert (response.status_code, response.json()) == (200, {"committed": 1})
    (report,) = stored(engine)
    assert (report.status_code, report.phone, report.api_message_id) == ("11", "+34600000001", "33434444443")
    assert report.reported_at_text == "2020-12-03 11:14:24"


@pytest.mark.slow
def test_the_response_waits_for_the_commit(app: ReportsApp, engine: sa.Engine, no_time_limit: None) -> None:
    async def push_while_another_process_writes() -> httpx.Response:
        async with client(app) as pusher:
            with closing(sa.create_engine(engine.url).raw_connection()) as other:
                other.cursor().execute("BEGIN IMMEDIATE")
                response = asyncio.create_task(pusher.post("/rcs/reports", json=PUSHED))
                done, _ = await asyncio.wait([response], timeout=0.3)
                assert not done
                other.rollback()
            return await response

    assert run(push_while_another_process_writes()).status_code == 200
    assert len(stored(engine)) == 1


@pytest.mark.parametrize(
    "request_",
    [
        {"json": PUSHED},
        {"json": [PUSHED, {"Estado": "13"}]},
        {"data": PUSHED},
        {"files": {name: (None, value) for name, value in PUSHED.items()}},
    ],
    ids=["json", "list with a refused entry", "form", "multipart"],
)
@pytest.mark.parametrize(("zone", "hour"), [("Europe/Madrid", 10), ("UTC", 11), ("America/Bogota", 16)])
def test_a_report_is_dated_in_the_time_zone_that_is_set(
    engine: sa.Engine, request_: dict[str, Any], zone: str, hour: int
) -> None:
    push(ReportsApp(lambda: engine, LOOK_UPS, timezone=ZoneInfo(zone)), **request_)

    (report,) = stored(engine)
    assert report.reported_at == datetime(2020, 12, 3, hour, 14, 24, tzinfo=UTC)


def test_a_list_of_reports_is_committed_whole(app: ReportsApp, engine: sa.Engine) -> None:
    response = push(app, json=[{**PUSHED, "idMensaje": str(number)} for number in range(3)])

    assert response.json() == {"committed": 3}
    assert [report.api_message_id for report in stored(engine)] == ["0", "1", "2"]


@pytest.mark.parametrize(
    "request_",
    [
        {"json": PUSHED},
        {"json": {name.upper(): int(value) if value.isdigit() else value for name, value in PUSHED.items()}},
        {"json": PUSHED, "headers": {"Content-Type": "Application/JSON; charset=UTF-8"}},
        {"data": PUSHED},
        {"files": {name: (None, value) for name, value in PUSHED.items()}},
    ],
    ids=["json", "upper case and numbers", "content type in another case", "url-encoded form", "multipart form"],
)
def test_each_format_of_the_service_is_read_the_same(
    app: ReportsApp, engine: sa.Engine, request_: dict[str, Any]
) -> None:
    response = push(app, **request_)

    assert response.status_code == 200, response.text
    (report,) = stored(engine)
    assert (report.service, report.status_code, report.phone) == ("RCS", "11", "+34600000001")
    assert (report.campaign_reference, report.message_reference) == ("12333-4545-23233", "36578294H")
    assert (report.api_campaign_id, report.api_message_id) == ("10573758", "33434444443")


@pytest.mark.parametrize(
    ("pushed", "answer"),
    [
        (SMS_RECEIVED, (200, {"committed": 1})),
        ([PUSHED, SMS_RECEIVED, PUSHED], (200, {"committed": 3})),
        (
            [PUSHED, SMS_RECEIVED, {}],
            (400, {"committed": 2, "error": "report 3 of 3: a report has no status (Estado)"}),
        ),
    ],
)
def test_the_answer_counts_reports_and_messages_of_people(
    app: ReportsApp, no_time_limit: None, pushed: Any, answer: Any
) -> None:
    response = push(app, json=pushed)

    assert (response.status_code, response.json()) == answer


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "text/plain", None])
@pytest.mark.parametrize("encoding", [None, "gzip", "identity"])
def test_a_body_is_committed_whatever_its_headers_claim(
    app: ReportsApp, engine: sa.Engine, no_time_limit: None, content_type: str | None, encoding: str | None
) -> None:
    headers = {"Content-Type": content_type, "Content-Encoding": encoding}

    response = push(
        app,
        content=gzip.compress(json.dumps(PUSHED).encode()),
        headers={name: value for name, value in headers.items() if value},
    )

    assert (response.status_code, response.json()) == (200, {"committed": 1})
    assert [each.phone for each in stored(engine)] == ["+34600000001"]


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

    response = push(app, content=body(), auth=auth, headers={"Content-Type": "application/json"})

    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Basic ")
    assert not body_read
    assert not stored(engine)


def test_without_credentials_every_request_is_refused_and_the_reason_logged_once(
    engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    app = ReportsApp(lambda: engine, {"rcs_reports": lambda: None})

    responses = [push(app, auth=auth).status_code for auth in (None, ("", ""), (LOGIN, PASSWORD))]

    assert responses == [503, 503, 503]
    assert [record.message for record in caplog.records if "let in" in record.message] == [
        "No report is let in by rcs_reports, whose login and password are not known: none are configured"
    ]
    assert not stored(engine)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"content": b"{", "headers": {"Content-Type": "application/json"}}, 400),
        ({"json": "34600000001"}, 400),
        ({"json": []}, 400),
        ({"json": [PUSHED, {"Estado": "13"}]}, 400),
        ({"data": {"Destinatario": "34600000001"}}, 400),
        ({"content": b"--x", "headers": {"Content-Type": "multipart/form-data"}}, 400),
        ({"files": {"Estado": ("status.txt", b"13")}}, 400),
        ({"json": {**PUSHED, "Agente": "34600000001\0"}}, 400),
        ({"json": {**PUSHED, "34600000001\0": "1"}}, 400),
        ({"json": {**PUSHED, "Estado": "34600000001" * 3}}, 400),
        ({"content": b'{"Estado": "13", "idMensaje": ' + b"[" * 500 + b"]" * 500 + b"}"}, 400),
        (
            {
                "content": b'{"Estado": "13", "idMensaje": ' + b"[" * 500 + b"]" * 500 + b"}",
                "headers": {"Content-Type": "application/json"},
            },
            400,
        ),
        ({"content": b"<report/>", "headers": {"Content-Type": "text/xml"}}, 415),
        ({"json": {**PUSHED, "Agente": "x" * 70_000}}, 413),
    ],
)
def test_a_refused_body_is_not_quoted_in_the_response(
    app: ReportsApp, engine: sa.Engine, request_: dict[str, Any], status: int
) -> None:
    response = push(app, **request_)

    assert response.status_code == status, response.text
    assert response.json()["error"]
    assert "34600000001" not in response.text
    assert len(stored(engine)) == response.json().get("committed", 0)


def test_a_body_without_a_length_is_read_only_up_to_the_limit(app: ReportsApp, engine: sa.Engine) -> None:
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1
            yield b" " * 1024

    response = push(app, content=endless(), headers={"Content-Type": "application/json"})

    assert response.status_code == 413
    assert read == 65


def test_a_chunked_body_is_joined(app: ReportsApp, engine: sa.Engine) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b'{"Estado": "13", '
        yield b'"idMensaje": "7"}'

    response = push(app, content=chunks(), headers={"Content-Type": "application/json"})

    assert response.status_code == 200
    assert stored(engine)[0].api_message_id == "7"


@pytest.mark.parametrize(
    ("method", "path", "status", "allowed"),
    [
        ("PUT", "/rcs/reports", 405, "POST"),
        ("OPTIONS", "/rcs/reports", 405, "POST"),
        ("PUT", "/rcs/reports/", 405, "POST"),
        ("POST", "/rcs/health", 405, "GET, HEAD"),
        ("GET", "/rcs/health", 200, None),
        ("HEAD", "/rcs/health", 200, None),
        ("POST", "/reports", 404, None),
        ("GET", "/rcs/health/", 200, None),
        ("POST", "/rcs/reports/more", 404, None),
        ("POST", "/other/rcs/reports", 404, None),
        ("GET", "/", 404, None),
        ("GET", "/rcs/docs", 404, None),
        ("GET", "/rcs/openapi.json", 404, None),
    ],
)
def test_only_two_paths_exist(app: ReportsApp, method: str, path: str, status: int, allowed: str | None) -> None:
    response = push(app, path, method)

    assert response.status_code == status
    assert response.headers.get("Allow") == allowed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("root_path", "path"), [("", "/rcs/reports"), ("/airflow", "/airflow/rcs/reports"), ("/airflow", "/rcs/reports")]
)
def test_mounted_in_another_application_it_has_the_same_paths(
    app: ReportsApp, engine: sa.Engine, root_path: str, path: str
) -> None:
    server = FastAPI(root_path=root_path)
    server.mount("/rcs", app)

    assert push(server, path).status_code == 200
    assert push(server, path.replace("reports", "health"), "GET").status_code == 200
    assert push(server, path + "/more").status_code == 404
    assert len(stored(engine)) == 1


@pytest.mark.slow
def test_a_request_does_not_wait_for_a_hanging_look_up_of_credentials(engine: sa.Engine) -> None:
    hang = threading.Event()

    def look_up() -> Credentials:
        hang.wait()
        return CREDENTIALS

    response = push(ReportsApp(lambda: engine, {"rcs_reports": look_up}))
    hang.set()

    assert response.status_code == 503
    assert not stored(engine)


@pytest.mark.parametrize(
    ("request_", "status", "reports", "reason"),
    [
        ({"content": b"\xff{", "headers": {"Content-Type": "application/json"}}, 400, 0, "the body is not JSON"),
        ({"json": [PUSHED, {"Estado": "13"}]}, 400, 1, "report 2 of 2: a report names no message"),
        ({"content": b"<report/>", "headers": {"Content-Type": "text/xml"}}, 415, 0, "send application/json"),
        *(
            (
                {
                    "content": b'--x\r\nContent-Disposition: form-data; name="Estado"\r\n\r\n\xff\r\n--x--',
                    "headers": {"Content-Type": f"multipart/form-data; boundary=x; {charset}"},
                },
                400,
                0,
                "",
            )
            for charset in ("charset*=utf-8''utf%00", "charset=undefined", "charset=punycode")
        ),
    ],
)
def test_a_body_with_errors_is_stored_whole_and_its_readable_reports_are_committed(
    app: ReportsApp,
    engine: sa.Engine,
    no_time_limit: None,
    request_: dict[str, Any],
    status: int,
    reports: int,
    reason: str,
) -> None:
    response = push(app, **request_)

    assert response.status_code == status
    assert len(stored(engine)) == reports
    (refused,) = stored_refused(engine)
    assert refused.reason.startswith(reason)
    assert refused.body == (request_.get("content") or response.request.content)
    assert refused.content_type == response.request.headers["Content-Type"]


def test_a_body_that_a_parser_fails_on_is_stored_whole(
    app: ReportsApp, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, no_time_limit: None
) -> None:
    def fail(*_: object) -> None:
        raise ArithmeticError("34600000001")

    monkeypatch.setattr(reports, "read_entries", fail)

    response = push(app)

    assert (response.status_code, response.json()["error"]) == (400, "it cannot be read")
    assert [refused.body for refused in stored_refused(engine)] == [response.request.content]


def test_wrong_passwords_lock_no_one_out(app: ReportsApp, engine: sa.Engine) -> None:
    responses = [push(app, auth=(LOGIN, "wrong")).status_code for _ in range(50)]

    assert responses == [401] * 50
    assert push(app).status_code == 200
    assert len(stored(engine)) == 1


@pytest.mark.slow
def test_landed_reports_are_folded_in_the_background(app: ReportsApp, engine: sa.Engine) -> None:
    push(app)

    wait_until(lambda: stored(engine)[0].fold is not None)


@pytest.mark.slow
def test_reports_that_landed_before_the_start_are_folded_at_the_start(app: ReportsApp, engine: sa.Engine) -> None:
    push(ReportsApp(lambda: engine, LOOK_UPS))
    wait_until(lambda: stored(engine)[0].fold is not None)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE rcs_report SET fold = NULL")

    assert asyncio.run(_run_lifespan(app)) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]

    wait_until(lambda: stored(engine)[0].fold is not None)


def test_a_client_that_disconnects_gets_no_response_and_stores_nothing(app: ReportsApp, engine: sa.Engine) -> None:
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


def test_the_time_that_the_look_up_of_credentials_takes_is_not_left_for_saving(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(app_module, "time", clock)
    seconds_left: list[float] = []

    def look_up() -> Credentials:
        clock.now += 0.4
        return CREDENTIALS

    async def save(_self: Ingest, _pushed: ReceivedReports, seconds: float) -> Saved:
        seconds_left.append(seconds)
        return Saved.COMMITTED

    monkeypatch.setattr(Ingest, "save", save)
    app = ReportsApp(lambda: engine, {"rcs_reports": look_up})

    assert [push(app).status_code for _ in range(2)] == [200, 200]
    assert seconds_left == pytest.approx([0.5, 0.9])


@pytest.mark.slow
def test_every_thread_is_named_for_dumps_and_ends_with_the_process(engine: sa.Engine, tmp_path: Path) -> None:
    available = threading.Event()

    def get_engine() -> sa.Engine:
        if not available.is_set():
            raise RcsStoreError("store: not available yet")
        return engine

    before = set(threading.enumerate())
    app = ReportsApp(get_engine, LOOK_UPS, spool=Spool(tmp_path / "spool"))

    assert push(app).json() == {"spooled": 1}
    assert push(app, "/rcs/health", "GET").json()["status"] == "degraded"
    available.set()
    wait_until(lambda: push(app, "/rcs/health", "GET").json()["status"] == "ready")

    threads = [each for each in threading.enumerate() if each not in before]
    assert {each.name for each in threads} == {
        "rcs-reports-credentials",
        "rcs-reports-fold",
        "rcs-reports-health backlog",
        "rcs-reports-health check",
        "rcs-reports-health spool",
        "rcs-reports-move",
        "rcs-reports-silence",
        "rcs-reports-spool",
        "rcs-reports-store",
    }
    assert all(each.daemon for each in threads)


def test_what_was_counted_is_logged_when_the_server_stops(app: ReportsApp, caplog: pytest.LogCaptureFixture) -> None:
    push(app, auth=None)

    with caplog.at_level(logging.INFO, "airflow_provider_rcs.receiver"):
        asyncio.run(_run_lifespan(app))

    assert "rcs.reports.unauthorized=1" in caplog.text


def test_missing_credentials_are_logged_when_the_server_starts(
    engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    asyncio.run(_run_lifespan(ReportsApp(lambda: engine, {"rcs_reports": lambda: None})))

    assert "No report is let in by rcs_reports" in caplog.text


def test_web_sockets_are_closed(app: ReportsApp) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    asyncio.run(app({"type": "websocket", "path": "/rcs/reports", "headers": []}, receive, send))

    assert sent == [{"type": "websocket.close"}]


async def _run_lifespan(app: ReportsApp) -> list[str]:
    sent: list[str] = []
    messages = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive() -> Any:
        return {"type": next(messages)}

    async def send(message: Any) -> None:
        sent.append(message["type"])

    await app({"type": "lifespan"}, receive, send)
    return sent


@pytest.mark.parametrize("path", ["/rcs/reports", "/rcs/reports/"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("credentials", [CREDENTIALS, None], ids=["configured", "not configured"])
@pytest.mark.parametrize("auth", [None, (LOGIN, "wrong"), (LOGIN, PASSWORD)], ids=["none", "wrong", "right"])
def test_a_check_of_the_address_is_always_answered_the_same(
    engine: sa.Engine, path: str, method: str, credentials: Credentials | None, auth: tuple[str, str] | None
) -> None:
    response = push(
        ReportsApp(lambda: engine, {"rcs_reports": lambda: credentials}),
        path,
        method,
        auth=auth,
        params={"Estado": "13"},
    )

    assert (response.status_code, response.content, response.headers["Content-Length"]) == (200, b"", "0")
    assert not stored(engine)


@pytest.mark.parametrize("root_path", ["", "/airflow"])
def test_a_slash_at_the_end_of_a_path_changes_nothing(app: ReportsApp, engine: sa.Engine, root_path: str) -> None:
    server = FastAPI(root_path=root_path)
    server.mount("/rcs", app)

    assert push(server, "/rcs/reports/").json() == {"committed": 1}
    assert push(app, "/rcs/reports/").json() == {"committed": 1}
    assert push(app, "/rcs/health/", "GET").json()["status"] == "ready"
    assert len(stored(engine)) == 2


def with_headers(app: ReportsApp, order: Callable[[list[Any]], list[Any]]) -> Any:
    """Return the application behind middleware that changes the ``Authorization`` headers of a request."""

    async def changing(scope: Any, receive: Any, send: Any) -> None:
        scope["headers"] = order(list(scope["headers"]))
        await app(scope, receive, send)

    return changing


@pytest.mark.parametrize(
    "order",
    [
        lambda headers: [*headers, (b"authorization", b"Bearer token")],
        lambda headers: [(b"authorization", b"Bearer token"), *headers],
        lambda headers: [(b"authorization", b"Bearer a"), *headers, (b"authorization", b"Digest b")],
        lambda headers: [*headers, *(each for each in headers if each[0] == b"authorization")],
        lambda headers: [
            (name, b"Bearer a, " + value if name == b"authorization" else value) for name, value in headers
        ],
        lambda headers: [
            (name, value + b",bearer a" if name == b"authorization" else value) for name, value in headers
        ],
    ],
    ids=["after", "before", "between", "twice", "joined before", "joined after"],
)
def test_the_basic_header_counts_wherever_it_stands(app: ReportsApp, engine: sa.Engine, order: Any) -> None:
    assert push(with_headers(app, order)).status_code == 200
    assert push(with_headers(app, order), auth=None).status_code == 401
    assert push(with_headers(app, order), auth=(LOGIN, "wrong")).status_code == 401
    assert len(stored(engine)) == 1


@pytest.mark.slow
def test_two_different_basic_headers_are_refused(app: ReportsApp, engine: sa.Engine) -> None:
    other = (b"authorization", b"Basic " + b64encode(b"x:y"))

    assert push(with_headers(app, lambda headers: [other, *headers])).status_code == 401
    assert push(with_headers(app, lambda headers: [*headers, other])).status_code == 401
    assert not stored(engine)


def test_the_words_that_opt_out_are_those_that_are_set(engine: sa.Engine) -> None:
    app = ReportsApp(lambda: engine, LOOK_UPS, opt_out_words=("NUNCA",))

    for phone, text in (("34600000001", "nunca"), ("34600000002", "BAJA")):
        push(app, json={"Servicio": "SMSRECIBIDO", "Movil": phone, "Mensaje": text, "idR": phone})

    with engine.connect() as connection:
        suppressed = connection.exec_driver_sql("SELECT phone FROM rcs_suppression").scalars().all()
    assert suppressed == ["+34600000001"]


def test_silent_campaigns_are_counted_from_the_first_request_on(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "_SECONDS_BETWEEN_SILENCE_CHECKS", 0.01)
    sent(engine)
    then = datetime.now(UTC) - 2 * SILENT_AFTER
    with engine.begin() as connection:
        connection.execute(request.update().values(claimed_at=then))
        connection.execute(campaign.update().values(reports_since=then))
    metrics = CountingMetrics()

    push(ReportsApp(lambda: engine, LOOK_UPS, metrics=metrics), "/rcs/health", "GET")

    wait_until(lambda: "rcs.campaign.silent" in metrics.names)


def test_without_credentials_it_is_not_ready(engine: sa.Engine) -> None:
    response = push(ReportsApp(lambda: engine, {"rcs_reports": lambda: None}), "/rcs/health", "GET")

    assert (response.status_code, response.json()["status"]) == (503, "not ready")


def test_a_refused_body_without_a_content_type_is_stored_without_one(app: ReportsApp, engine: sa.Engine) -> None:
    push(app, content=b"?")

    assert [each.content_type for each in stored_refused(engine)] == [""]
