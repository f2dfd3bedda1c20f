"""The hook reads the body of a reply before it decides by the HTTP status."""

from __future__ import annotations

import codecs
import json
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_rcs.api.errors import (
    RcsAuthError,
    RcsCreditError,
    RcsOutcomeUnknown,
    RcsParameterError,
    RcsRateLimited,
)
from airflow_provider_rcs.api.models import Recipient, SendRequest
from airflow_provider_rcs.hooks.rcs import RcsHook
from tests.integration.hooks.answering import http, read_request, server_that_answers

ANA, BEA = "+34600000001", "+34600000002"
REQUEST = SendRequest("1", (Recipient(ANA), Recipient(BEA)), "spring-1", request_reports=False)
IN_PART = json.dumps(
    {"Res": -2, "idEnvio": 77, "Enviados": [{"Telefono": ANA, "idMensaje": 1}], "NoEnviados": [{"Telefono": BEA}]}
).encode()
WRONG_CREDENTIALS = [b"-1", b"Res:-1;", b"Res:-1;Cred:0;", b'{"Cred":"-1"}', b'{"Cred": -1}', b'{"Res": "-1"}']
CALLS: list[Callable[[RcsHook], Any]] = [
    lambda hook: hook.send(REQUEST),
    RcsHook.list_templates,
    lambda hook: hook.get_template("1", fresh=True),
    RcsHook.get_credits,
]


def hook(monkeypatch: pytest.MonkeyPatch, url: str) -> RcsHook:
    values = {"conn_type": "rcs", "host": url, "login": "me", "password": "secret-token"}
    monkeypatch.setenv("AIRFLOW_CONN_RCS_DEFAULT", json.dumps(values))
    return RcsHook()


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("200 OK", RcsCreditError),
        ("401 Unauthorized", RcsAuthError),
        ("403 Forbidden", RcsAuthError),
        ("404 Not Found", RcsCreditError),
        ("429 Too Many Requests", RcsRateLimited),
        ("500 Internal Server Error", RcsCreditError),
    ],
)
def test_a_refusal_in_part_is_a_result_under_any_status(
    monkeypatch: pytest.MonkeyPatch, status: str, kind: type[Exception]
) -> None:
    with server_that_answers(http(status, IN_PART, Retry_After="7")) as (url, _):
        result = hook(monkeypatch, url).send(REQUEST)

    assert dict(result.accepted) == {ANA: "1"}
    assert result.rejected == {BEA}
    assert type(result.refused) is kind
    assert not result.refused.nothing_sent
    assert "Nothing of this request was sent" not in str(result.refused)


def test_the_pause_that_a_refusal_in_part_asks_for_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    with server_that_answers(http("429 Too Many Requests", IN_PART, Retry_After="7")) as (url, _):
        refused = hook(monkeypatch, url).send(REQUEST).refused

    assert isinstance(refused, RcsRateLimited)
    assert refused.retry_after == 7


@pytest.mark.parametrize("call", CALLS, ids=["send", "list_templates", "get_template", "get_credits"])
@pytest.mark.parametrize("body", WRONG_CREDENTIALS, ids=repr)
@pytest.mark.parametrize("status", ["200 OK", "404 Not Found", "429 Too Many Requests", "500 Internal Server Error"])
def test_wrong_credentials_are_shown_once_whatever_form_the_refusal_has(
    monkeypatch: pytest.MonkeyPatch, call: Callable[[RcsHook], Any], body: bytes, status: str
) -> None:
    with server_that_answers(http(status, body), http("200 OK", b'{"Res": 1}')) as (url, requests):
        refused = hook(monkeypatch, url)
        for _ in range(2):
            with pytest.raises(RcsAuthError):
                call(refused)

    assert len(requests) == 1


def test_credentials_refused_with_accepted_recipients_are_not_shown_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with server_that_answers(http("403 Forbidden", IN_PART), http("200 OK", b'{"Res": 1}')) as (url, requests):
        refused = hook(monkeypatch, url)
        refused.send(REQUEST)
        with pytest.raises(RcsAuthError) as raised:
            refused.send(REQUEST)

    assert raised.value.nothing_sent
    assert len(requests) == 1


@pytest.mark.parametrize("body", WRONG_CREDENTIALS, ids=repr)
def test_testing_a_connection_with_wrong_credentials_shows_no_credit(
    monkeypatch: pytest.MonkeyPatch, body: bytes
) -> None:
    with server_that_answers(http("200 OK", body)) as (url, _):
        works, message = hook(monkeypatch, url).test_connection()

    assert not works
    assert "refused the API User or API Token" in message
    assert "Credit left" not in message


@pytest.mark.parametrize(
    ("body", "credit"),
    [
        (b'{"Res": 1, "Saldo": "14.970,00"}', 14970),
        (b'{"Res": 1, "Cred": "14.970"}', 14970),
        (b'{"Res": 1, "Cred": 14.970}', 14.97),
        (b'{"Res": 1, "Cred": "", "Saldo": 7}', 7),
        (b'{"Res": 1, "Cred": "-1"}', -1),
        (b'{"Cred": "-2,50"}', -2.5),
        (b"Res:1;Cred:12,50;", 12.5),
        (b"Saldo:14970,00;Res:1;", 14970),
        (b"Cred:12.50", 12.5),
        (codecs.BOM_UTF8 + b'[{"Res": "1.0", "Cred": " 7 "}]', 7),
        (b'<b>Warning</b>: x<br />{"Res": 1, "Cred": 7}', 7),
    ],
    ids=repr,
)
def test_the_credit_is_read_in_every_form(monkeypatch: pytest.MonkeyPatch, body: bytes, credit: float) -> None:
    with server_that_answers(http("200 OK", body)) as (url, _):
        assert hook(monkeypatch, url).get_credits() == credit


@pytest.mark.parametrize("status", ["400 Bad Request", "404 Not Found", "500 Internal Server Error"])
def test_a_look_up_that_the_reply_refuses_says_why_under_any_status(
    monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    refused = http(status, b'{"Res": -3, "Error": "Plantilla desconocida"}')

    with (
        server_that_answers(refused) as (url, requests),
        pytest.raises(RcsParameterError, match='The service says: "Plantilla desconocida"'),
    ):
        hook(monkeypatch, url).get_template("1", fresh=True)

    assert len(requests) == 1


@pytest.mark.parametrize("status", ["101 Switching Protocols", "102 Processing", "103 Early Hints"])
def test_a_reply_after_an_interim_response_is_not_taken_for_the_reply_to_the_next_request(
    monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    of_first, of_second = http("200 OK", b'{"Res": -2}'), http("200 OK", b'{"Res": 2}')
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            first, _ = listener.accept()
            with first:
                read_request(first)
                first.sendall(f"HTTP/1.1 {status}\r\n\r\n".encode())
                if read_request(first):
                    first.sendall(of_first)
                    return
            second, _ = listener.accept()
            with second:
                read_request(second)
                second.sendall(of_second)

        threading.Thread(target=serve, daemon=True).start()
        calling = hook(monkeypatch, f"http://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(RcsOutcomeUnknown):
            calling.send(REQUEST)
        result = calling.send(REQUEST)

    assert result.messages == 2
