"""Each quirk, seen from a client."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from airflow_provider_rcs.sandbox.options import ReplyShape
from airflow_provider_rcs.sandbox.quirks import Quirk
from tests.integration.sandbox.client import post, send, send_parameters
from tests.integration.sandbox.report_listener import ReportListener
from tests.sandbox_process import SandboxProcess

PHONES = ("34600000001", "34600000002", "34600000003")


@pytest.fixture(scope="module")
def shared() -> Iterator[SandboxProcess]:
    with SandboxProcess(reply_shape="object", only_sent_share=1, failed_share=0, repeated_share=0) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(shared: SandboxProcess) -> Iterator[SandboxProcess]:
    yield shared
    shared.quirks()


def test_reply_has_a_byte_order_mark(sandbox: SandboxProcess) -> None:
    sandbox.quirks("bom")

    assert json.loads(send(sandbox).content.decode("utf-8-sig"))["Res"] == 2
    assert send(sandbox).content[:3] == b"\xef\xbb\xbf"


def test_reply_stands_in_a_warning(sandbox: SandboxProcess) -> None:
    sandbox.quirks("warning")

    text = send(sandbox).text

    assert json.loads(text[text.index("{") : text.rindex("}") + 1])["Res"] == 2
    assert "<b>Warning</b>" in text.partition("{")[0]


def test_reply_in_latin_1_claims_to_be_utf_8(sandbox: SandboxProcess) -> None:
    sandbox.quirks("latin-1")

    reply = send(sandbox, Plantilla="")

    assert reply.headers["Content-Type"] == "application/json; charset=utf-8"
    assert json.loads(reply.content.decode("latin-1"))["Error"] == "Falta parámetro obligatorio: Plantilla"


def test_quirk_of_the_command_line_is_on_until_it_is_switched_off(listener: ReportListener) -> None:
    with SandboxProcess(
        quirk=["refusal-names-sent", "bom"],
        report_url=listener.url,
        reply_shape="object",
        only_sent_share=1,
        failed_share=0,
        repeated_share=0,
    ) as sandbox:
        refused = json.loads(send(sandbox, *PHONES, Report="1").content.decode("utf-8-sig"))
        sandbox.quirks()
        taken = send(sandbox, PHONES[2]).json()
        sandbox.wait_until_reports_are_pushed()

        assert sandbox.messages_per_phone() == dict.fromkeys(PHONES, 1)

    assert (refused["Res"], taken["Res"]) == (-2, 1)
    assert [sent["Telefono"] for sent in refused["Enviados"]] == list(PHONES[:2])
    assert [each["Telefono"] for each in refused["NoEnviados"]] == [PHONES[2]]
    assert {report.fields["Destinatario"] for report in listener.received} == set(PHONES[:2])


def test_refusal_that_names_the_sent_ends_when_all_are_sent(sandbox: SandboxProcess) -> None:
    sandbox.quirks("refusal-names-sent")

    reply = send(sandbox, PHONES[0]).json()

    assert (reply["Res"], len(reply["Enviados"]), reply["NoEnviados"]) == (-2, 1, [])


def test_credit_is_written_as_in_spain(sandbox: SandboxProcess) -> None:
    sandbox.quirks("spanish-credit")

    reply = post(sandbox, "GetCreditos", {"Resp": "JSON"}).json()

    assert reply["Res"] == 1
    assert reply["Saldo"].count(".") == 2
    assert reply["Saldo"].endswith(",00")


def test_credit_has_no_result_and_wrong_credentials_are_its_number(sandbox: SandboxProcess) -> None:
    sandbox.quirks("credit-without-result")

    right = post(sandbox, "GetCreditos", {"Resp": "JSON"}).json()
    wrong = post(sandbox, "GetCreditos", {"Resp": "JSON"}, password="wrong").json()
    refused_send = post(sandbox, "EnviarRCS", send_parameters(), password="wrong").json()

    assert list(right) == ["Cred"]
    assert wrong == {"Cred": -1}
    assert refused_send["Res"] == -1


@pytest.mark.parametrize("shape", list(ReplyShape))
def test_all_quirks_together_still_give_a_reply_in_every_shape(shape: str) -> None:
    with SandboxProcess(reply_shape=shape, quirk=list(Quirk)) as sandbox:
        replies = [
            send(sandbox),
            send(sandbox, Plantilla=""),
            *(
                post(sandbox, call, {"Resp": "JSON", "Plantilla": "1234567"}, password)
                for call in ("GetCreditos", "GetPlantillasRCS", "GetVariablesPlantillaRCS")
                for password in (None, "wrong")
            ),
        ]

    assert {reply.status_code for reply in replies} == {200}
    assert all(reply.content.startswith(b"\xef\xbb\xbf<br />") for reply in replies)
