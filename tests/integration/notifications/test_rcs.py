from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, Context
from airflow.sdk import DAG

from airflow_provider_rcs.api.errors import RcsAuthError
from airflow_provider_rcs.notifications.rcs import RcsNotifier
from tests.integration.hooks.answering import http, server_that_answers
from tests.integration.operators.conftest import connect
from tests.sandbox_process import SandboxProcess

ANA, BEA, REFUSED = "34600000001", "34600000002", "34600000009"


@pytest.fixture(scope="module")
def running_sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess(refused_phone=REFUSED) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch) -> SandboxProcess:
    connect(monkeypatch, running_sandbox, extra={"timeout": 0.5})
    return running_sandbox


def notifier(**changes: Any) -> RcsNotifier:
    arguments: dict[str, Any] = {
        "template_id": "1234567",
        "phones": [f"+{ANA}"],
        "variables": {"Importe": "{{ ti.task_id }} failed"},
    }
    return RcsNotifier(**(arguments | changes))


def context_of(task_id: str, **more: object) -> Context:
    return cast("Context", {"ti": SimpleNamespace(task_id=task_id), **more})


def accepted_since(sandbox: SandboxProcess, before: int) -> list[tuple[str, str]]:
    return [(entry["phone"], entry["variables"].get("Importe", "")) for entry in sandbox.accepted()[before:]]


def test_one_request_sends_the_message_to_all_phones(sandbox: SandboxProcess) -> None:
    before = sandbox.statistics()

    notifier(phones=[f"+{ANA}", "600 000 002", BEA], default_region="ES")(context_of("load"))

    assert accepted_since(sandbox, before["accepted"]) == [(ANA, "load failed"), (BEA, "load failed")]
    assert sandbox.statistics()["send_requests"] == before["send_requests"] + 1


def test_it_requests_no_reports_and_its_reference_is_no_campaigns(sandbox: SandboxProcess) -> None:
    notifier()(context_of("load"))

    entry = sandbox.accepted()[-1]
    assert (entry["report"], entry["campaign_reference"]) == (False, "airflow-notification")


def test_a_refusal_that_names_an_accepted_phone_is_one_warning_with_both(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    in_part = f'{{"Res": -2, "Enviados": [{{"Telefono": "{ANA}"}}], "NoEnviados": [{{"Telefono": "{BEA}"}}]}}'
    with server_that_answers(http("200 OK", in_part.encode())) as (url, _):
        monkeypatch.setenv(
            "AIRFLOW_CONN_RCS_DEFAULT", f'{{"conn_type":"rcs","host":"{url}","login":"demo","password":"demo-token"}}'
        )

        notifier(phones=[f"+{ANA}", f"+{BEA}"])(context_of("load"))

    [warning] = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "RcsCreditError: the service found too little credit" in warning
    assert "For 1 of 2 phones, the service refused the request." in warning


def test_a_shared_notifier_renders_each_notification_anew(sandbox: SandboxProcess) -> None:
    before = sandbox.statistics()["accepted"]
    shared = notifier()

    for task_id in ("load", "clean"):
        shared(context_of(task_id))

    assert accepted_since(sandbox, before) == [(ANA, "load failed"), (ANA, "clean failed")]


def test_a_text_of_several_lines_is_sent_as_one_line(sandbox: SandboxProcess) -> None:
    before = sandbox.statistics()["accepted"]

    notifier(variables={"Importe": "{{ exception }}"})(context_of("load", exception="no such table:\r\n\tcustomer"))

    assert accepted_since(sandbox, before) == [(ANA, "no such table: customer")]


def test_fields_stay_text_in_a_dag_that_renders_to_native_objects(sandbox: SandboxProcess) -> None:
    before = sandbox.statistics()["accepted"]
    dag = DAG("native", start_date=datetime(2026, 1, 1, tzinfo=UTC), schedule=None, render_template_as_native_obj=True)
    variables = {"Importe": "{{ '1e3' }}"}
    rendered = {"template_id": "{{ 1234567 }}", "phones": [f"{{{{ '+{ANA}' }}}}"], "variables": variables}

    notifier(**rendered)(context_of("load", dag=dag))

    assert accepted_since(sandbox, before) == [(ANA, "1e3")]


def test_an_exception_is_sent_as_text_in_a_dag_that_renders_to_native_objects(sandbox: SandboxProcess) -> None:
    before = sandbox.statistics()["accepted"]
    dag = DAG("native", start_date=datetime(2026, 1, 1, tzinfo=UTC), schedule=None, render_template_as_native_obj=True)
    context = context_of("load", dag=dag, exception=RuntimeError("12.50"))

    notifier(template_id=1234567, variables={"Importe": "{{ exception }}"})(context)

    assert accepted_since(sandbox, before) == [(ANA, "12.50")]


def test_it_can_be_awaited(sandbox: SandboxProcess) -> None:
    before = sandbox.statistics()["accepted"]

    async def wait_for_it() -> None:
        await notifier(variables={"Importe": "late"}, context=context_of("load"))

    asyncio.run(wait_for_it())

    assert accepted_since(sandbox, before) == [(ANA, "late")]


def test_invalid_and_refused_phones_do_not_stop_the_others(
    sandbox: SandboxProcess, caplog: pytest.LogCaptureFixture
) -> None:
    before = sandbox.statistics()["accepted"]

    notifier(phones=["+34 600 12", f"+{REFUSED}", f"+{ANA}"])(context_of("load"))

    assert accepted_since(sandbox, before) == [(ANA, "load failed")]
    [warning] = warnings(caplog)
    assert "phones[0], '******* 12': it is not a valid international number." in warning
    assert "For 1 of 2 phones, the service rejected the phone" in warning


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ({"kind": "status", "status": 401}, "RcsAuthError"),
        ({"kind": "status", "status": 429}, "RcsRateLimited"),
        ({"kind": "status", "status": 500}, "RcsOutcomeUnknown"),
        ({"kind": "res", "res": -2}, "RcsCreditError"),
        ({"kind": "res", "res": -3}, "RcsParameterError"),
        ({"kind": "reset_after"}, "RcsOutcomeUnknown"),
        ({"kind": "html"}, "RcsOutcomeUnknown"),
        ({"kind": "timeout_after", "seconds": 2}, "It is not known whether it was sent"),
    ],
    ids=lambda value: "-".join(map(str, value.values())) if isinstance(value, dict) else "",
)
def test_each_fault_of_the_service_is_one_warning_after_one_request(
    sandbox: SandboxProcess, caplog: pytest.LogCaptureFixture, fault: dict[str, Any], text: str
) -> None:
    sandbox.faults([{"next": 1, **fault}])
    before = sandbox.statistics()["send_requests"]

    notifier()(context_of("load"))

    [warning] = warnings(caplog)
    assert text in warning
    assert ANA not in caplog.text
    assert sandbox.statistics()["send_requests"] == before + 1


def test_wrong_credentials_are_sent_once_and_never_logged(
    sandbox: SandboxProcess, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, sandbox, password="wrong-token")
    before = sandbox.statistics()["refused_credentials"]

    notifier()(context_of("load"))

    assert "RcsAuthError" in warnings(caplog)[0]
    assert "wrong-token" not in caplog.text
    assert sandbox.statistics()["refused_credentials"] == before + 1


@pytest.mark.parametrize(("conn_id", "sent"), [("rcs_default", 0), ("rcs_other", 1)])
def test_credentials_that_failed_the_task_are_not_sent_again(
    sandbox: SandboxProcess, caplog: pytest.LogCaptureFixture, conn_id: str, sent: int
) -> None:
    failure = AirflowFailException("refused")
    failure.__context__ = RcsAuthError("refused")
    before = sandbox.statistics()["accepted"]

    notifier()(context_of("load", exception=failure, task=SimpleNamespace(rcs_conn_id=conn_id)))

    assert sandbox.statistics()["accepted"] == before + sent
    assert ["not sent again" in warning for warning in warnings(caplog)] == [True] * (1 - sent)


def test_a_missing_variable_is_logged_as_a_warning(sandbox: SandboxProcess, caplog: pytest.LogCaptureFixture) -> None:
    before = sandbox.statistics()["accepted"]

    notifier(variables=None)(context_of("load"))

    assert accepted_since(sandbox, before) == []
    assert "For 1 of 1 phones, the service rejected the phone" in warnings(caplog)[0]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
