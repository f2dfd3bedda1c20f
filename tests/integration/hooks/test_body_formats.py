"""Every documented parameter arrives as documented, in a JSON body and in a form."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, time
from typing import Any

import pytest

from airflow_provider_rcs.api.models import QuietHours, Recipient, SendRequest
from airflow_provider_rcs.hooks.rcs import RcsHook
from tests.sandbox_process import SandboxProcess

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
REQUEST = SendRequest(
    template_id="1234567",
    recipients=(
        Recipient("34600000001", "Pedro Pérez", "36578294H", {"Importe": "12,50 € & 3 %", "Code": '"847291"'}),
        Recipient("34600000002", "Ana=Núñez+Co", variables={"Importe": "0"}),
    ),
    campaign_reference="spring-1",
    agent="my-rcs-agent",
    send_at=datetime(2030, 5, 1, 13, 10, tzinfo=UTC),
    quiet_hours=(QuietHours(time(22), time(9)), QuietHours(time(14, 30), time(16), action=2)),
    request_reports=False,
)
PARAMETERS: dict[str, Any] = {
    "Agente": "my-rcs-agent",
    "Plantilla": "1234567",
    "Destinatarios": [
        {
            "Nombre": "Pedro Pérez",
            "Telefono": "34600000001",
            "Referencia": "36578294H",
            "Variables": [
                {"Nombre": "Importe", "Valor": "12,50 € & 3 %"},
                {"Nombre": "Code", "Valor": '"847291"'},
            ],
        },
        {
            "Nombre": "Ana=Núñez+Co",
            "Telefono": "34600000002",
            "Variables": [{"Nombre": "Importe", "Valor": "0"}],
        },
    ],
    "Fecha": "2030-05-01 15:10",
    "Intervaloprohibido": [
        {"HoraInicio": "22:00", "HoraFin": "09:00", "Accion": "1"},
        {"HoraInicio": "14:30", "HoraFin": "16:00", "Accion": "2"},
    ],
    "Referenciausuario": "spring-1",
    "Report": "0",
    "Resp": "JSON",
}
ARRAYS = ("Destinatarios", "Intervaloprohibido")
READ_BY_THE_SERVICE = {
    "template_id": "1234567",
    "agent": "my-rcs-agent",
    "campaign_reference": "spring-1",
    "send_at": "2030-05-01 15:10",
    "quiet_hours": [
        {"start": "22:00", "end": "09:00", "action": "1"},
        {"start": "14:30", "end": "16:00", "action": "2"},
    ],
    "report": False,
}
NOT_COMPARED = ("request", "send_id", "message_id", "accepted_at")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxProcess]:
    with SandboxProcess() as sandbox:
        yield sandbox


def hook(monkeypatch: pytest.MonkeyPatch, sandbox: SandboxProcess, body_format: str | None) -> RcsHook:
    fields = {"conn_type": "rcs", "host": sandbox.url, "login": sandbox.login, "password": sandbox.password}
    monkeypatch.setenv("AIRFLOW_CONN_RCS_DEFAULT", json.dumps(fields | {"extra": {"body_format": body_format}}))
    return RcsHook()


@pytest.mark.parametrize("body_format", [None, "json"])
def test_a_json_body_has_every_parameter_as_documented(
    monkeypatch: pytest.MonkeyPatch, sandbox: SandboxProcess, body_format: str | None
) -> None:
    hook(monkeypatch, sandbox, body_format).send(REQUEST)

    assert sandbox.calls()[-1] == {"call": "/EnviarRCS", "content_type": JSON, "parameters": PARAMETERS}


def test_a_form_has_the_same_parameters_with_arrays_as_json_strings(
    monkeypatch: pytest.MonkeyPatch, sandbox: SandboxProcess
) -> None:
    hook(monkeypatch, sandbox, "form").send(REQUEST)

    call = sandbox.calls()[-1]
    assert call["content_type"] == FORM
    assert {
        name: json.loads(value) if name in ARRAYS else value for name, value in call["parameters"].items()
    } == PARAMETERS


def test_the_service_reads_both_formats_alike(monkeypatch: pytest.MonkeyPatch, sandbox: SandboxProcess) -> None:
    for body_format in ("json", "form"):
        hook(monkeypatch, sandbox, body_format).send(REQUEST)

    sent = [
        {name: value for name, value in entry.items() if name not in NOT_COMPARED} for entry in sandbox.accepted()[-4:]
    ]
    assert sent[:2] == sent[2:]
    assert sent[0] == READ_BY_THE_SERVICE | {
        "phone": "34600000001",
        "name": "Pedro Pérez",
        "reference": "36578294H",
        "variables": {"Importe": "12,50 € & 3 %", "Code": '"847291"'},
    }
    assert sent[1] == READ_BY_THE_SERVICE | {
        "phone": "34600000002",
        "name": "Ana=Núñez+Co",
        "reference": "",
        "variables": {"Importe": "0"},
    }


@pytest.mark.parametrize("body_format", ["json", "form"])
def test_look_ups_use_the_same_format(
    monkeypatch: pytest.MonkeyPatch, sandbox: SandboxProcess, body_format: str
) -> None:
    rcs_hook = hook(monkeypatch, sandbox, body_format)

    rcs_hook.list_templates()
    rcs_hook.get_template("1234567")
    rcs_hook.get_credits()

    content_type = {"json": JSON, "form": FORM}[body_format]
    assert [(call["call"], call["content_type"], call["parameters"]) for call in sandbox.calls()[-3:]] == [
        ("/GetPlantillasRCS", content_type, {"Resp": "JSON"}),
        ("/GetVariablesPlantillaRCS", content_type, {"Plantilla": "1234567", "Resp": "JSON"}),
        ("/GetCreditos", content_type, {"Resp": "JSON"}),
    ]
