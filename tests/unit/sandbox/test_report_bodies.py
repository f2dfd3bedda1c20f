"""Reports have the document's nine fields, in each format."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from urllib.parse import parse_qsl

import orjson
import pytest

from airflow_provider_rcs.sandbox.model import AcceptedMessage, AcceptedSend
from airflow_provider_rcs.sandbox.options import ReportFormat
from airflow_provider_rcs.sandbox.report_bodies import report_body, report_fields

MESSAGE = AcceptedMessage(33434444443, "34600000001", "Pedro", "36578294H", {})
SEND = AcceptedSend(
    request=1,
    send_id=10573758,
    template_id="1234567",
    agent="my-rcs-agent",
    campaign_reference="año & más=1",
    send_at="",
    quiet_hours=(),
    report=True,
    accepted_at=datetime(2020, 12, 3, 10, 14, 20, tzinfo=UTC),
    messages=[MESSAGE],
)
FIELDS = report_fields(SEND, MESSAGE, 11, 4)


def test_fields_are_those_of_the_document_and_all_strings() -> None:
    assert FIELDS == {
        "Servicio": "RCS",
        "Estado": "11",
        "Agente": "my-rcs-agent",
        "Destinatario": "34600000001",
        "RefCampaign": "año & más=1",
        "RefMensaje": "36578294H",
        "Fecha": "2020-12-03 11:14:24",
        "idCampaign": "10573758",
        "idMensaje": "33434444443",
    }


def test_a_fallback_is_told_under_the_name_of_its_service() -> None:
    assert report_fields(SEND, MESSAGE, 13, 4, "SMS") == FIELDS | {"Servicio": "SMS", "Estado": "13"}


@pytest.mark.parametrize(("month", "hour"), [(1, "13"), (7, "14")])
def test_date_is_in_spains_time_winter_and_summer(month: int, hour: str) -> None:
    noon = replace(SEND, accepted_at=datetime(2026, month, 1, 12, tzinfo=UTC))

    assert report_fields(noon, MESSAGE, 11, 0)["Fecha"] == f"2026-0{month}-01 {hour}:00:00"


def test_json_holds_the_fields() -> None:
    body, content_type = report_body(FIELDS, ReportFormat.JSON)

    assert content_type == "application/json"
    assert orjson.loads(body) == FIELDS


def test_form_holds_the_fields() -> None:
    body, content_type = report_body(FIELDS, ReportFormat.FORM)

    assert content_type == "application/x-www-form-urlencoded"
    assert dict(parse_qsl(body.decode(), keep_blank_values=True)) == FIELDS


def test_multipart_holds_the_fields() -> None:
    body, content_type = report_body(FIELDS, ReportFormat.MULTIPART)

    parts = message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body).get_payload()
    values = {
        part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
        for part in parts
        if isinstance(part, Message)
    }

    assert values == {name: value.encode() for name, value in FIELDS.items()}
