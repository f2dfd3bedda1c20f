"""The four calls of the API, seen from a client."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from tests.integration.sandbox.client import PHONES, post, send, send_parameters
from tests.integration.sandbox.waiting import wait_for
from tests.sandbox_process import SandboxProcess


def test_send_is_answered_as_in_the_document_and_recorded(sandbox: SandboxProcess) -> None:
    before = len(sandbox.accepted())

    reply = send(sandbox, Referenciausuario="spring-1", Fecha="2030-05-01 15:10").json()[0]

    assert (reply["Res"], reply["Destinatarios"], reply["Duplicados"]) == ("2", "2", "0")
    recorded = sandbox.accepted()[before:]
    assert [(str(entry["message_id"]), entry["phone"]) for entry in recorded] == [
        (sent["idMensaje"], sent["Telefono"]) for sent in json.loads(reply["Enviados"])
    ]
    assert {str(entry["send_id"]) for entry in recorded} == {reply["idEnvio"]}
    first = recorded[0] | {"request": 0, "send_id": 0, "message_id": 0, "accepted_at": ""}
    assert first == {
        "request": 0,
        "send_id": 0,
        "message_id": 0,
        "template_id": "1234569",
        "agent": "my-rcs-agent",
        "campaign_reference": "spring-1",
        "send_at": "2030-05-01 15:10",
        "quiet_hours": [],
        "report": False,
        "accepted_at": "",
        "phone": "34600000001",
        "name": "Ana 1",
        "reference": "R1",
        "variables": {},
    }


def test_form_is_accepted_like_json(sandbox: SandboxProcess) -> None:
    form = send_parameters() | {"Destinatarios": json.dumps(send_parameters()["Destinatarios"])}

    reply = requests.post(
        f"{sandbox.url}/EnviarRCS", data=form, auth=(sandbox.login, sandbox.password), timeout=10
    ).json()[0]

    assert [sent["Telefono"] for sent in json.loads(reply["Enviados"])] == list(PHONES)


def test_calls_are_remembered_as_they_were_received(sandbox: SandboxProcess) -> None:
    send(sandbox, PLANTILLA="1234569", Fecha="2030-05-01 15:10")

    call = sandbox.calls()[-1]
    assert (call["call"], call["content_type"]) == ("/EnviarRCS", "application/json")
    assert call["parameters"] == send_parameters(PLANTILLA="1234569", Fecha="2030-05-01 15:10")


def test_templates_are_listed(sandbox: SandboxProcess) -> None:
    reply = post(sandbox, "GetPlantillasRCS", {"Resp": "JSON"}).json()[0]

    assert (reply["Res"], reply["Total"]) == ("1", "3")
    assert json.loads(reply["Plantillas"])["1234568"] == "Shipping notice"


def test_variables_of_a_template_are_listed(sandbox: SandboxProcess) -> None:
    reply = post(sandbox, "GetVariablesPlantillaRCS", {"Plantilla": "1234567", "Resp": "JSON"}).json()[0]

    assert json.loads(reply["Variables"])[0] == {"Nombre": "Destinatario", "Tipo": "DESTINATARIO"}


def test_variables_of_an_unknown_template_are_refused(sandbox: SandboxProcess) -> None:
    reply = post(sandbox, "GetVariablesPlantillaRCS", {"Plantilla": "1", "Resp": "JSON"}).json()[0]

    assert reply["Res"] == "-3"
    assert "Plantilla" in reply["Error"]


def test_credit_falls_by_the_accepted_messages(sandbox: SandboxProcess) -> None:
    before = int(post(sandbox, "GetCreditos", {"Resp": "JSON"}).json()[0]["Cred"])

    send(sandbox)

    assert int(post(sandbox, "GetCreditos", {"Resp": "JSON"}).json()[0]["Cred"]) == before - 2


def test_only_post_is_allowed(sandbox: SandboxProcess) -> None:
    reply = requests.get(f"{sandbox.url}/GetCreditos", auth=(sandbox.login, sandbox.password), timeout=10)

    assert reply.status_code == 405


def test_request_that_does_not_ask_for_json_gets_text_with_the_credit_left(sandbox: SandboxProcess) -> None:
    reply = send(sandbox, Resp="")

    credit = post(sandbox, "GetCreditos", {"Resp": "JSON"}).json()[0]["Cred"]
    assert (reply.headers["Content-Type"].split(";")[0], reply.text) == ("text/plain", f"Res:2;Cred:{credit},00;")


def test_multipart_form_is_accepted_like_json(sandbox: SandboxProcess) -> None:
    recipients = send_parameters()["Destinatarios"]
    arrays = {f"Destinatarios[{at}][{key}]": each[key] for at, each in enumerate(recipients) for key in each}
    form = send_parameters(resp="json") | arrays
    del form["Destinatarios"], form["Resp"]

    reply = requests.post(
        f"{sandbox.url}/EnviarRCS",
        files={name: (None, value) for name, value in form.items()},
        auth=(sandbox.login, sandbox.password),
        timeout=10,
    ).json()[0]

    assert [sent["Telefono"] for sent in json.loads(reply["Enviados"])] == list(PHONES)
    assert sandbox.calls()[-1]["content_type"] == "multipart/form-data"


def test_text_shape_answers_with_text_whatever_was_asked_for() -> None:
    with SandboxProcess(reply_shape="text", credit=12) as sandbox:
        texts = [
            send(sandbox).text,
            post(sandbox, "GetCreditos", {"Resp": "JSON"}).text,
            send(sandbox, Plantilla="").text,
            post(sandbox, "EnviarRCS", send_parameters(), password="wrong").text,
        ]

    assert texts == ["Res:2;Cred:10,00;", "Res:1;Cred:10,00;", "Res:-3;", "-1"]


def test_documents_layout_can_hold_real_numbers_and_arrays() -> None:
    with SandboxProcess(reply_values="real") as sandbox:
        (reply,) = send(sandbox).json()

    assert reply["Res"] == 2
    assert [type(sent["idMensaje"]) for sent in reply["Enviados"]] == [int, int]


def test_wrong_credentials_are_refused_and_counted(sandbox: SandboxProcess) -> None:
    before = sandbox.statistics()

    reply = post(sandbox, "EnviarRCS", send_parameters(), password="wrong")

    after = sandbox.statistics()
    assert reply.status_code == 200
    assert reply.json()[0]["Res"] == "-1"
    assert after["refused_credentials"] == before["refused_credentials"] + 1
    assert after["accepted"] == before["accepted"]


def test_duplicates_and_invalid_phones_are_distinguished(sandbox: SandboxProcess) -> None:
    reply = send(sandbox, "34600000001", "34600000001", "123", "34600000002").json()[0]

    assert (reply["Res"], reply["Destinatarios"], reply["Duplicados"]) == ("2", "4", "1")
    assert json.loads(reply["NoEnviados"]) == [{"Nombre": "Ana 3", "Telefono": "123"}]


def test_invalid_parameter_refuses_the_whole_send(sandbox: SandboxProcess) -> None:
    before = sandbox.statistics()["accepted"]

    reply = send(sandbox, Plantilla="").json()

    assert reply == [{"Res": "-3", "Error": "Falta parámetro obligatorio: Plantilla"}]
    assert sandbox.statistics()["accepted"] == before


def test_command_line_options_take_effect(tmp_path: Path) -> None:
    templates = tmp_path / "templates.json"
    templates.write_text("[]")
    with SandboxProcess(login="shop", password="secret", templates=templates, reply_shape="object") as sandbox:
        reply = post(sandbox, "GetPlantillasRCS", {"Resp": "JSON"})

        assert reply.json() == {"Res": 1, "Total": 0, "Plantillas": []}


def test_insufficient_credit_refuses_the_whole_send() -> None:
    with SandboxProcess(credit=1, reply_shape="object") as sandbox:
        assert send(sandbox).json()["Res"] == -2
        assert send(sandbox, "34600000001").json()["Res"] == 1
        assert post(sandbox, "GetCreditos", {"Resp": "JSON"}).json() == {"Res": 1, "Cred": 0}


def test_latency_delays_each_reply_but_not_the_others() -> None:
    with SandboxProcess(latency=0.3) as sandbox, ThreadPoolExecutor(8) as threads:
        seconds = [reply.elapsed.total_seconds() for reply in threads.map(lambda _: send(sandbox), range(8))]

        assert min(seconds) >= 0.3
        assert sum(seconds) > 8 * 0.3
        assert max(seconds) < 2


def test_ids_are_unique_with_many_concurrent_clients(sandbox: SandboxProcess) -> None:
    with ThreadPoolExecutor(8) as threads:
        replies = list(threads.map(lambda _: send(sandbox).json()[0], range(40)))

    message_ids = [sent["idMensaje"] for reply in replies for sent in json.loads(reply["Enviados"])]
    assert len(set(message_ids)) == len(message_ids) == 80
    assert len({reply["idEnvio"] for reply in replies}) == 40


def test_connection_that_is_kept_alive_counts_once(sandbox: SandboxProcess) -> None:
    before = sandbox.statistics()["connections"]

    with requests.Session() as session:
        for _ in range(3):
            session.post(f"{sandbox.url}/GetCreditos", auth=(sandbox.login, sandbox.password), timeout=10)

    assert sandbox.statistics()["connections"] == before + 1


def test_log_shows_sends_but_no_phones(capfd: pytest.CaptureFixture[str]) -> None:
    with SandboxProcess(quiet=False) as sandbox:
        send(sandbox, "34600000001", "bad34600000002")

    logged = capfd.readouterr().err
    assert "send 1" in logged
    assert "6000000" not in logged


def test_port_in_use_is_reported_in_one_line(sandbox: SandboxProcess, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError):
        SandboxProcess(port=sandbox.url.rpartition(":")[2]).start()

    assert capfd.readouterr().err.startswith("The sandbox cannot serve on 127.0.0.1:")


def test_sandbox_stops_cleanly_while_a_fault_holds_a_connection() -> None:
    with SandboxProcess() as sandbox, ThreadPoolExecutor(1) as threads:
        sandbox.faults([{"next": 1, "kind": "timeout_after", "seconds": 60}])
        held = threads.submit(send, sandbox)
        wait_for(lambda: sandbox.statistics()["accepted"])

        assert sandbox.stop() == 0
        with pytest.raises(requests.ConnectionError):
            held.result(10)
