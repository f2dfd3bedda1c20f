"""Fallback reports, replies of people and the forms of bodies, as they arrive at the user's own script."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest

from airflow_provider_rcs.sandbox.forms import parse_multipart
from tests.integration.sandbox.client import send
from tests.integration.sandbox.report_listener import ReceivedReport, ReportListener
from tests.integration.sandbox.waiting import wait_for
from tests.sandbox_process import SandboxProcess

ONE_REPORT = {"failed_share": 0, "only_sent_share": 1, "repeated_share": 0, "report_jitter": 0}
FALLS_BACK = {"failed_share": 0, "fallback_share": 1, "repeated_share": 0, "out_of_order_share": 0, "report_jitter": 0}
DELIVERED = FALLS_BACK | {"fallback_share": 0, "read_share": 0, "temporarily_failed_share": 0}
JSON, FORM = "application/json", "application/x-www-form-urlencoded"


def pushed(listener: ReportListener, *phones: str, **options: Any) -> list[ReceivedReport]:
    """Return what a sandbox with these options pushes about one message to each phone."""
    with SandboxProcess(report_url=listener.url, **options) as sandbox:
        send(sandbox, *phones or ["34600000001"], Report="1", Referenciausuario="año")
        sandbox.wait_until_reports_are_pushed()
    return listener.received


def fields_of(report: ReceivedReport) -> dict[str, str]:
    """Read a body by what it holds."""
    if report.body.startswith(b"{"):
        fields: dict[str, Any] = json.loads(report.body)
    elif report.body.startswith(b"--"):
        fields = parse_multipart(report.body, report.headers["Content-Type"])
    else:
        fields = dict(parse_qsl(report.body.decode(), keep_blank_values=True))
    inner: dict[str, str] | str = fields.get("data", fields)
    return dict(json.loads(inner)) if isinstance(inner, str) else inner


@pytest.mark.parametrize(
    ("form", "content_type"),
    [
        ("json", JSON),
        ("json-numbers", JSON),
        ("form", FORM),
        ("multipart", "multipart/form-data"),
        ("json-as-form", FORM),
        ("json-as-text", "text/plain"),
        ("json-without-type", None),
        ("data-field", FORM),
        ("data-object", JSON),
    ],
)
def test_report_is_pushed_in_each_form(listener: ReportListener, form: str, content_type: str | None) -> None:
    (report,) = pushed(listener, report_format=form, **ONE_REPORT)

    fields = fields_of(report)
    assert (report.content_type or "").partition(";")[0] == (content_type or "")
    assert ("Content-Type" in report.headers) is (content_type is not None)
    assert (fields["Servicio"], fields["Estado"], fields["RefCampaign"]) == (
        "RCS",
        10 if form == "json-numbers" else "10",
        "año",
    )


@pytest.mark.parametrize(
    ("compression", "encoding"), [("gzip", "gzip"), ("deflate", "deflate"), ("raw-deflate", "deflate")]
)
@pytest.mark.parametrize("form", ["json", "form"])
def test_compressed_report_can_be_unpacked(
    listener: ReportListener, form: str, compression: str, encoding: str
) -> None:
    (report,) = pushed(listener, report_format=form, report_compression=compression, **ONE_REPORT)

    assert report.headers["Content-Encoding"] == encoding
    assert fields_of(report)["RefCampaign"] == "año"


def test_report_in_latin_1_claims_to_be_utf_8(listener: ReportListener) -> None:
    (report,) = pushed(listener, quirk="latin-1", **ONE_REPORT)

    assert report.content_type == "application/json; charset=utf-8"
    assert json.loads(report.body.decode("latin-1"))["RefCampaign"] == "año"


def test_fallback_is_reported_by_the_sms_service_of_version_7_by_default(listener: ReportListener) -> None:
    *of_rcs, sent, delivered = pushed(listener, **FALLS_BACK)

    message_id = of_rcs[0].fields["idMensaje"]
    assert [report.fields["Estado"] for report in of_rcs] == ["10", "50"]
    assert sent.fields["Resultado"] == "10"
    assert (delivered.content_type, delivered.fields) == (
        JSON,
        {"Servicio": "SMSMASIVO", "Resultado": "13", "Movil": "34600000001", "idMensaje": message_id},
    )


def test_fallback_is_reported_by_the_sms_service_of_version_58_as_a_form(listener: ReportListener) -> None:
    *of_rcs, _, delivered = pushed(listener, fallback_format="sms-5.8", **FALLS_BACK)

    fields = fields_of(delivered)
    assert (of_rcs[0].content_type, delivered.content_type) == (JSON, FORM)
    assert list(fields) == ["Resultado", "Movil", "Referencia", "idEnvio", "Fecha", "Remitente", "Segundos"]
    assert (fields["Resultado"], fields["Referencia"]) == ("13", "R1")
    assert fields["idEnvio"] == of_rcs[0].fields["idCampaign"]
    assert len(fields["Fecha"]) == len("YYYYMMDDHHMMSS")


def test_form_of_the_bodies_holds_for_the_fallback_too(listener: ReportListener) -> None:
    *_, delivered = pushed(listener, fallback_format="sms-5.8", report_format="json", **FALLS_BACK)

    assert (delivered.content_type, delivered.fields["Resultado"]) == (JSON, "13")


def test_people_answer_after_their_message_was_delivered(listener: ReportListener) -> None:
    phones = [str(34600000000 + number) for number in range(100)]

    pushes = [each.fields for each in pushed(listener, *phones, replies_share=0.3, **DELIVERED)]

    replies = {each["idM"]: each for each in pushes if each["Servicio"] == "SMSRECIBIDO"}
    assert 10 < len(replies) < 50
    for reply in replies.values():
        about = [each for each in pushes if each.get("idMensaje") == reply["idM"]]
        assert [each["Estado"] for each in about] == ["10", "13"]
        assert pushes.index(reply) > pushes.index(about[-1])
        assert (reply["Movil"], reply["Referencia"]) == (about[0]["Destinatario"], about[0]["RefMensaje"])


def test_same_seed_gives_the_same_replies_again(listener: ReportListener) -> None:
    with SandboxProcess(report_url=listener.url, replies_share=1, **DELIVERED) as sandbox:
        send(sandbox, Report="1")
        sandbox.wait_until_reports_are_pushed()
        first = sorted(report.body for report in listener.received)
        listener.received.clear()
        sandbox.push_reports_again()
        sandbox.wait_until_reports_are_pushed()

    assert sorted(report.body for report in listener.received) == first
    assert len(first) == 6


def test_given_reply_is_pushed_and_names_the_last_message_to_the_phone(listener: ReportListener) -> None:
    with SandboxProcess(report_url=listener.url, **ONE_REPORT) as sandbox:
        send(sandbox, "34600000001")
        send(sandbox, "34600000001", "34600000002")
        sandbox.push_reply("34600000001", "¡Baja!")
        sandbox.push_reply("34699999999", "Hola")
        listener.wait_for(2)
        last = sandbox.accepted()[1]

    answer, stray = sorted((each.fields for each in listener.received), key=lambda fields: fields["Movil"])
    assert (answer["Servicio"], answer["Mensaje"], answer["idM"]) == ("SMSRECIBIDO", "¡Baja!", str(last["message_id"]))
    assert (answer["Remitente"], answer["Referencia"]) == ("my-rcs-agent", "R1")
    assert (stray["Mensaje"], stray["idM"]) == ("Hola", "")


def test_target_is_checked_without_credentials_before_the_first_push(listener: ReportListener) -> None:
    pushed(listener, report_login="me", report_password="pw", check_target=True, **ONE_REPORT)

    assert listener.checks == [("HEAD", None), ("GET", None)]
    assert len(listener.received) == 1


def test_nothing_is_pushed_to_a_target_that_fails_the_check(listener: ReportListener) -> None:
    listener.checked = 405
    with SandboxProcess(report_url=listener.url, check_target=True, **ONE_REPORT) as sandbox:
        send(sandbox, "34600000001", Report="1")
        wait_for(lambda: sandbox.statistics()["reports_dropped"])

    assert listener.received == []


def test_target_is_not_checked_by_default(listener: ReportListener) -> None:
    pushed(listener, **ONE_REPORT)

    assert listener.checks == []
