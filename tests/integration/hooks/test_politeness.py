"""The hook spares the service needless connections, look-ups, sends and wrong credentials."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_rcs.api.errors import (
    RcsAuthError,
    RcsOutcomeUnknown,
    RcsParameterError,
    RcsRateLimited,
    RcsUnavailable,
)
from airflow_provider_rcs.api.models import Recipient, SendRequest
from airflow_provider_rcs.hooks.rcs import RcsHook
from tests.integration.hooks.answering import http, server_that_answers
from tests.sandbox_process import SandboxProcess

REQUEST = SendRequest("1234569", (Recipient("34600000001", "Ana"),), "spring-1", request_reports=False)
CREDIT = http("200 OK", b'{"Res": 1, "Cred": 7}')


@pytest.fixture(scope="module")
def running_sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch) -> SandboxProcess:
    connect(monkeypatch, running_sandbox.url)
    return running_sandbox


def connect(monkeypatch: pytest.MonkeyPatch, url: str, conn_id: str = "rcs_default", **fields: Any) -> None:
    values = {"conn_type": "rcs", "host": url, "login": "demo", "password": "demo-token"} | fields
    monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(values))


def calls(sandbox: SandboxProcess) -> list[str]:
    return [call["call"] for call in sandbox.calls()]


def test_all_calls_of_a_hook_share_one_connection(sandbox: SandboxProcess) -> None:
    before = sandbox.statistics()["connections"]
    hook = RcsHook()

    for _ in range(10):
        hook.send(REQUEST)
        hook.get_credits()

    assert sandbox.statistics()["connections"] == before + 1


def test_a_template_is_looked_up_once_in_five_minutes(sandbox: SandboxProcess) -> None:
    first = RcsHook().get_template("1234567")
    before = calls(sandbox)

    assert RcsHook().get_template("1234567") == first
    assert calls(sandbox) == before


def test_the_list_of_templates_is_looked_up_once_in_five_minutes(sandbox: SandboxProcess) -> None:
    first = RcsHook().list_templates()
    before = calls(sandbox)
    RcsHook().list_templates().clear()

    assert RcsHook().list_templates() == first
    assert calls(sandbox) == before


def test_a_fresh_look_up_ignores_the_cache(sandbox: SandboxProcess) -> None:
    hook = RcsHook()
    for fresh in (False, True):
        hook.get_template("1234567", fresh=fresh)
        hook.list_templates(fresh=fresh)

    assert calls(sandbox)[-4:] == ["/GetVariablesPlantillaRCS", "/GetPlantillasRCS"] * 2


@pytest.mark.parametrize("other", ["another template", "another connection", "other credentials"])
def test_different_look_ups_do_not_share_a_cached_result(
    sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    connect(monkeypatch, sandbox.url, "rcs_other")
    RcsHook().get_template("1234567")
    heard = sandbox.statistics()

    match other:
        case "another template":
            RcsHook().get_template("1234568")
        case "another connection":
            RcsHook("rcs_other").get_template("1234567")
        case _:
            connect(monkeypatch, sandbox.url, password="wrong-token")
            with pytest.raises(RcsAuthError):
                RcsHook().get_template("1234567")
            assert sandbox.statistics()["refused_credentials"] == heard["refused_credentials"] + 1

    assert calls(sandbox)[-2:] == ["/GetVariablesPlantillaRCS"] * 2


def test_a_failed_look_up_is_not_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = http("200 OK", b'{"Res": 1, "Plantillas": {"7": "Welcome"}}')
    refused = http("200 OK", b'{"Res": -3, "Error": "no"}')

    with server_that_answers(refused, listed) as (url, _):
        connect(monkeypatch, url)
        with pytest.raises(RcsParameterError):
            RcsHook().list_templates()

        assert RcsHook().list_templates() == {"7": "Welcome"}


@pytest.mark.parametrize(
    "failure",
    [
        http("429 Too Many Requests", Retry_After="0"),
        http("503 Service Unavailable"),
        http("200 OK", b"<html>back soon</html>"),
        http("200 OK", b'{"Res": 1, "Cred"'),
        b"",
    ],
    ids=["429", "503", "html", "cut off", "disconnected"],
)
def test_a_look_up_is_retried_after_a_temporary_failure(monkeypatch: pytest.MonkeyPatch, failure: bytes) -> None:
    with server_that_answers(failure, CREDIT) as (url, requests):
        connect(monkeypatch, url)

        assert RcsHook().get_credits() == 7
    assert len(requests) == 2


def test_a_look_up_fails_after_three_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    with server_that_answers(*[http("429 Too Many Requests", Retry_After="0")] * 4) as (url, requests):
        connect(monkeypatch, url)
        with pytest.raises(RcsRateLimited):
            RcsHook().get_credits()

    assert len(requests) == 3


def test_a_look_up_is_not_retried_if_the_service_asks_for_a_long_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    with server_that_answers(http("429 Too Many Requests", Retry_After="3600"), CREDIT) as (url, requests):
        connect(monkeypatch, url)
        with pytest.raises(RcsRateLimited, match="It asks to wait 3600 seconds"):
            RcsHook().get_credits()

    assert len(requests) == 1


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (http("429 Too Many Requests", Retry_After="0"), RcsRateLimited),
        (http("503 Service Unavailable"), RcsOutcomeUnknown),
        (http("200 OK", b"<html>back soon</html>"), RcsOutcomeUnknown),
        (b"", RcsOutcomeUnknown),
    ],
    ids=["429", "503", "html", "disconnected"],
)
def test_the_hook_never_retries_a_send(monkeypatch: pytest.MonkeyPatch, failure: bytes, error: type[Exception]) -> None:
    with server_that_answers(failure, failure) as (url, requests):
        connect(monkeypatch, url)
        with pytest.raises(error):
            RcsHook().send(REQUEST)

    assert len(requests) == 1


def test_an_unreachable_service_is_an_error_that_says_nothing_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, "http://127.0.0.1:1")

    with pytest.raises(RcsUnavailable, match="could not connect .* Nothing was sent. Retry later"):
        RcsHook().send(REQUEST)


def test_a_hook_sends_wrong_credentials_to_the_service_once(
    sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, sandbox.url, password="wrong-token")
    before = sandbox.statistics()["refused_credentials"]
    hook = RcsHook()

    for call in (hook.get_credits, hook.list_templates, lambda: hook.send(REQUEST), hook.get_credits):
        with pytest.raises(RcsAuthError):
            call()

    assert sandbox.statistics()["refused_credentials"] == before + 1


def test_credentials_rejected_by_an_http_status_are_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with server_that_answers(http("401 Unauthorized"), CREDIT) as (url, requests):
        connect(monkeypatch, url)
        hook = RcsHook()
        for _ in range(2):
            with pytest.raises(RcsAuthError):
                hook.get_credits()

    assert len(requests) == 1


def test_corrected_credentials_are_sent(sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, sandbox.url, password="wrong-token")
    with pytest.raises(RcsAuthError):
        RcsHook().get_credits()

    connect(monkeypatch, sandbox.url)

    assert RcsHook().get_credits() > 0


def test_testing_the_connection_makes_one_call_even_after_refused_credentials(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with server_that_answers(http("403 Forbidden"), CREDIT, CREDIT) as (url, requests):
        connect(monkeypatch, url)
        with pytest.raises(RcsAuthError):
            RcsHook().get_credits()

        assert RcsHook().test_connection() == (True, "The service accepts these credentials. Credit left: 7")
        assert len(requests) == 2
        assert RcsHook().get_credits() == 7


def test_a_failing_test_of_the_connection_makes_one_call(monkeypatch: pytest.MonkeyPatch) -> None:
    with server_that_answers(http("503 Service Unavailable"), CREDIT) as (url, requests):
        connect(monkeypatch, url)

        works, message = RcsHook().test_connection()

    assert (works, len(requests)) == (False, 1)
    assert "Retry later" in message
