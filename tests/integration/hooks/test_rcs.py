from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_rcs.api.errors import (
    RcsAuthError,
    RcsCreditError,
    RcsError,
    RcsNothingDoneError,
    RcsOutcomeUnknown,
    RcsParameterError,
    RcsRateLimited,
    RcsUnavailable,
)
from airflow_provider_rcs.api.models import Recipient, SendRequest, Template, TemplateVariable
from airflow_provider_rcs.hooks.rcs import RcsHook
from airflow_provider_rcs.sandbox.options import ReplyShape
from tests.integration.hooks.answering import http, server_that_answers
from tests.sandbox_process import SandboxProcess

ANA = Recipient("+34600000001", "Ana")
REQUEST = SendRequest("1234569", (ANA,), "spring-1", request_reports=False)


@pytest.fixture(scope="module", params=[shape for shape in ReplyShape if shape not in ("counts", "text")])
def sandbox(request: pytest.FixtureRequest) -> Iterator[SandboxProcess]:
    with SandboxProcess(reply_shape=request.param) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def faulty() -> Iterator[SandboxProcess]:
    with SandboxProcess() as sandbox:
        yield sandbox


def hook(monkeypatch: pytest.MonkeyPatch, url: str, **fields: Any) -> RcsHook:
    values = {"conn_type": "rcs", "host": url, "login": "demo", "password": "demo-token"} | fields
    monkeypatch.setenv("AIRFLOW_CONN_RCS_DEFAULT", json.dumps(values))
    return RcsHook()


def test_templates_are_listed_in_every_shape_of_reply(monkeypatch: pytest.MonkeyPatch, sandbox: SandboxProcess) -> None:
    assert hook(monkeypatch, sandbox.url).list_templates()["1234567"] == "Customer welcome"


def test_a_template_is_read_in_every_shape_of_reply(monkeypatch: pytest.MonkeyPatch, sandbox: SandboxProcess) -> None:
    variables = (TemplateVariable("Destinatario", "DESTINATARIO", True), TemplateVariable("Importe", "TEXTO"))

    template = hook(monkeypatch, sandbox.url).get_template("1234567")

    assert template == Template("1234567", "Customer welcome", variables)


def test_a_send_is_read_in_every_shape_of_reply(monkeypatch: pytest.MonkeyPatch, sandbox: SandboxProcess) -> None:
    result = hook(monkeypatch, sandbox.url).send(REQUEST)

    accepted = sandbox.accepted()[-1]
    assert result.accepted == {ANA.phone: str(accepted["message_id"])}
    assert result.api_campaign_id == str(accepted["send_id"])


def test_testing_the_connection_looks_up_the_credit(monkeypatch: pytest.MonkeyPatch, sandbox: SandboxProcess) -> None:
    works, message = hook(monkeypatch, sandbox.url).test_connection()

    assert works
    assert message.startswith("The service accepts these credentials. Credit left: ")


@pytest.mark.parametrize("quirk", ["spanish-credit", "credit-without-result"])
def test_the_credit_is_the_same_however_it_is_written(
    monkeypatch: pytest.MonkeyPatch, sandbox: SandboxProcess, quirk: str
) -> None:
    credit = hook(monkeypatch, sandbox.url).get_credits()

    sandbox.quirks(quirk)

    assert hook(monkeypatch, sandbox.url).get_credits() == credit
    sandbox.quirks()


def test_testing_a_connection_with_wrong_credentials_returns_the_reason(
    monkeypatch: pytest.MonkeyPatch, faulty: SandboxProcess
) -> None:
    works, message = hook(monkeypatch, faulty.url, password="wrong-token").test_connection()

    assert not works
    assert "refused the API User or API Token" in message
    assert "wrong-token" not in message


@pytest.mark.parametrize(
    ("fault", "error", "remedy"),
    [
        ({"kind": "status", "status": 401}, RcsAuthError, "Check login and password of the connection"),
        ({"kind": "status", "status": 403}, RcsAuthError, "Check login and password of the connection"),
        ({"kind": "status", "status": 404}, RcsParameterError, "Check host and extra 'paths' of the connection"),
        ({"kind": "status", "status": 429}, RcsRateLimited, "Retry later, with fewer requests at once"),
        ({"kind": "status", "status": 500}, RcsOutcomeUnknown, "Do not send it again"),
        ({"kind": "status_after", "status": 502}, RcsOutcomeUnknown, "Do not send it again"),
        ({"kind": "res", "res": -1}, RcsAuthError, "Check login and password of the connection"),
        ({"kind": "res", "res": -2}, RcsCreditError, "Add credit, then retry"),
        ({"kind": "res", "res": -3}, RcsParameterError, "Correct what the service names"),
        ({"kind": "res", "res": 0}, RcsNothingDoneError, "Check in the service's panel"),
        ({"kind": "refuse"}, RcsOutcomeUnknown, "Do not send it again"),
        ({"kind": "reset_after"}, RcsOutcomeUnknown, "Do not send it again"),
        ({"kind": "cut_reply"}, RcsOutcomeUnknown, "Do not send it again"),
        ({"kind": "html"}, RcsOutcomeUnknown, "Do not send it again"),
        ({"kind": "empty"}, RcsOutcomeUnknown, "Do not send it again"),
        ({"kind": "timeout_after", "seconds": 3}, RcsOutcomeUnknown, "Do not send it again"),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else "",
)
def test_each_fault_raises_the_error_that_it_proves_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, faulty: SandboxProcess, fault: dict[str, Any], error: type[RcsError], remedy: str
) -> None:
    faulty.faults([{"next": 1, **fault}])
    before = faulty.statistics()

    with pytest.raises(error, match=remedy) as raised:
        hook(monkeypatch, faulty.url, extra={"timeout": 0.5}).send(REQUEST)

    after = faulty.statistics()
    assert type(raised.value) is error
    assert after["send_requests"] == before["send_requests"] + 1
    assert not (raised.value.nothing_sent and after["accepted"] > before["accepted"])


def test_an_unreachable_service_raises_rcs_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RcsUnavailable, match="could not connect"):
        hook(monkeypatch, "http://127.0.0.1:1").send(REQUEST)


def test_the_error_of_too_many_requests_has_the_requested_pause(
    monkeypatch: pytest.MonkeyPatch, faulty: SandboxProcess
) -> None:
    faulty.faults([{"next": 1, "kind": "status", "status": 429, "retry_after": 7}])

    with pytest.raises(RcsRateLimited) as raised:
        hook(monkeypatch, faulty.url).send(REQUEST)

    assert raised.value.retry_after == 7


def test_a_redirect_is_not_followed(monkeypatch: pytest.MonkeyPatch, faulty: SandboxProcess) -> None:
    before = faulty.statistics()["send_requests"]
    moved = http("307 Temporary Redirect", Location=f"{faulty.url}/EnviarRCS")

    with server_that_answers(moved) as (url, _), pytest.raises(RcsOutcomeUnknown):
        hook(monkeypatch, url).send(REQUEST)

    assert faulty.statistics()["send_requests"] == before


def test_no_extra_of_the_connection_is_sent_to_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    with server_that_answers(http("200 OK", b'{"Res": 1, "Cred": 7}')) as (url, requests):
        credit = hook(monkeypatch, url, extra={"my_secret": "hush-hush", "agent": "shop"}).get_credits()

    assert credit == 7
    assert b"hush-hush" not in requests[0]
    assert b"shop" not in requests[0]
