"""Each fault, seen from a client, with what is accepted in spite of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.integration.sandbox.client import send, send_and_read_raw
from tests.sandbox_process import SandboxProcess


def accepted_in(sandbox: SandboxProcess, act: Callable[[], object]) -> int:
    before = sandbox.statistics()["accepted"]
    act()
    return sandbox.statistics()["accepted"] - before


def failing(error: type[Exception], sandbox: SandboxProcess, timeout: float = 10) -> Callable[[], None]:
    def act() -> None:
        with pytest.raises(error):
            send(sandbox, timeout=timeout)

    return act


@pytest.mark.parametrize(("kind", "accepted"), [("refuse", 0), ("reset_after", 2)])
def test_connection_is_reset(sandbox: SandboxProcess, kind: str, accepted: int) -> None:
    sandbox.faults([{"next": 2, "kind": kind}])

    assert accepted_in(sandbox, failing(requests.ConnectionError, sandbox)) == accepted
    with pytest.raises(ConnectionResetError):
        send_and_read_raw(sandbox)


@pytest.mark.parametrize(("kind", "accepted"), [("timeout_before", 0), ("timeout_after", 2)])
def test_connection_is_held_without_a_reply(sandbox: SandboxProcess, kind: str, accepted: int) -> None:
    sandbox.faults([{"next": 1, "kind": kind, "seconds": 30}])

    assert accepted_in(sandbox, failing(requests.ReadTimeout, sandbox, timeout=0.2)) == accepted


def test_connection_that_was_held_closes_without_a_reply(sandbox: SandboxProcess) -> None:
    sandbox.faults([{"next": 1, "kind": "timeout_after", "seconds": 0.1}])

    assert accepted_in(sandbox, failing(requests.ConnectionError, sandbox)) == 2


def test_reply_is_cut_in_half(sandbox: SandboxProcess) -> None:
    sandbox.faults([{"next": 2, "kind": "cut_reply"}])

    assert accepted_in(sandbox, failing(requests.exceptions.ChunkedEncodingError, sandbox)) == 2
    head, _, body = send_and_read_raw(sandbox).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 200 ")
    announced = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length: "))
    assert len(body) == int(announced.removeprefix(b"content-length: ")) // 2


@pytest.mark.parametrize(
    ("kind", "accepted", "content_type", "start"),
    [
        ("html", 2, "text/html", "<!DOCTYPE html>"),
        ("html_before", 0, "text/html", "<!DOCTYPE html>"),
        ("empty", 2, "", ""),
        ("empty_before", 0, "", ""),
    ],
)
def test_reply_is_html_or_empty(
    sandbox: SandboxProcess, kind: str, accepted: int, content_type: str, start: str
) -> None:
    sandbox.faults([{"next": 1, "kind": kind}])

    replies: list[requests.Response] = []
    assert accepted_in(sandbox, lambda: replies.append(send(sandbox))) == accepted

    assert replies[0].status_code == 200
    assert replies[0].headers.get("Content-Type", "").split(";")[0] == content_type
    assert replies[0].text[: len("<!DOCTYPE html>")] == start


@pytest.mark.parametrize(("kind", "accepted"), [("status", 0), ("status_after", 2)])
@pytest.mark.parametrize("status", [401, 403, 404, 429, 500, 502])
def test_reply_is_an_http_status(sandbox: SandboxProcess, kind: str, accepted: int, status: int) -> None:
    sandbox.faults([{"next": 1, "kind": kind, "status": status, "retry_after": 7}])

    replies: list[requests.Response] = []
    assert accepted_in(sandbox, lambda: replies.append(send(sandbox))) == accepted

    assert replies[0].status_code == status
    assert replies[0].headers["Retry-After"] == "7"


@pytest.mark.parametrize("result", [-1, -2, -3, 0])
def test_reply_is_a_refusal(sandbox: SandboxProcess, result: int) -> None:
    sandbox.faults([{"next": 1, "kind": "res", "res": result}])

    replies: list[requests.Response] = []
    assert accepted_in(sandbox, lambda: replies.append(send(sandbox))) == 0

    assert replies[0].json()[0]["Res"] == str(result)


@pytest.mark.parametrize(("result", "status"), [(-2, None), (-3, 403), (0, 404), (-2, 429)])
def test_refusal_names_the_half_that_was_sent(sandbox: SandboxProcess, result: int, status: int | None) -> None:
    sandbox.faults([{"next": 1, "kind": "refusal_names_sent", "res": result, "status": status}])

    replies: list[requests.Response] = []
    assert accepted_in(sandbox, lambda: replies.append(send(sandbox, "34600000001", "34600000002", "34600000003"))) == 2

    reply = replies[0].json()[0]
    assert (replies[0].status_code, reply["Res"]) == (status or 200, str(result))
    assert [sent["Telefono"] for sent in json.loads(reply["Enviados"])] == ["34600000001", "34600000002"]
    assert [each["Telefono"] for each in json.loads(reply["NoEnviados"])] == ["34600000003"]
    assert str(sandbox.accepted()[-1]["send_id"]) == reply["idEnvio"]


def test_reply_is_late_but_complete(sandbox: SandboxProcess) -> None:
    sandbox.faults([{"next": 1, "kind": "late_reply", "seconds": 0.3}])

    reply = send(sandbox)

    assert reply.elapsed.total_seconds() >= 0.3
    assert len(json.loads(reply.json()[0]["Enviados"])) == 2


def test_fault_applies_to_the_request_with_its_number(sandbox: SandboxProcess) -> None:
    seen = sandbox.statistics()["send_requests"]
    sandbox.faults([{"request": seen + 2, "kind": "status", "status": 502}])

    assert [send(sandbox).status_code for _ in range(3)] == [200, 502, 200]
    assert sandbox.statistics()["send_requests"] == seen + 3


@pytest.mark.parametrize(
    ("call", "content"),
    [
        ("faults", [{"next": 1, "kind": "explode"}]),
        ("faults", {"next": 1, "kind": "refuse"}),
        ("reports", {"action": "burn"}),
        ("reports", []),
        ("report-url", {"url": "nowhere"}),
        ("quirks", ["boom"]),
        ("replies", {"phone": "34600000001"}),
    ],
)
def test_invalid_control_call_is_refused_with_a_reason(sandbox: SandboxProcess, call: str, content: Any) -> None:
    reply = requests.post(
        f"{sandbox.url}/_sandbox/{call}", json=content, auth=(sandbox.login, sandbox.password), timeout=10
    )

    assert reply.status_code == 400
    assert reply.json()["error"]


@pytest.mark.parametrize("call", ["accepted", "statistics"])
def test_control_calls_require_the_credentials(sandbox: SandboxProcess, call: str) -> None:
    assert requests.get(f"{sandbox.url}/_sandbox/{call}", timeout=10).status_code == 401
