"""Reports and replies have the names that each service gives to their fields."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from airflow_provider_rcs.sandbox.options import FallbackFormat, ReportFormat, ReportOptions
from airflow_provider_rcs.sandbox.pushes.fields import reply_fields, report_fields, usual_format
from airflow_provider_rcs.sandbox.pushes.inbound import InboundReply
from tests.unit.sandbox.pushes.pushed import SEND, delivered

RCS_FIELDS = {
    "Servicio": "RCS",
    "Estado": "13",
    "Agente": "my-rcs-agent",
    "Destinatario": "34600000001",
    "RefCampaign": "año & más=1",
    "RefMensaje": "36578294H",
    "Fecha": "2020-12-03 11:14:24",
    "idCampaign": "10573758",
    "idMensaje": "33434444443",
}
REPLY = InboundReply(
    7, "34600000001", "BAJA", datetime(2020, 12, 3, 10, 14, 20, tzinfo=UTC), "33434444443", "R1", "shop"
)


def fallback_options(form: FallbackFormat, service: str | None = None) -> ReportOptions:
    return ReportOptions(fallback_format=form, fallback_service=service)


@pytest.mark.parametrize("form", list(FallbackFormat))
def test_fields_are_those_of_the_document_and_all_strings(form: FallbackFormat) -> None:
    assert report_fields(delivered(), fallback_options(form)) == RCS_FIELDS


def test_fallback_may_be_reported_in_the_documents_fields() -> None:
    fields = report_fields(delivered(fallback=True), fallback_options(FallbackFormat.RCS))

    assert fields == RCS_FIELDS | {"Servicio": "SMS"}


def test_fallback_is_reported_in_the_fields_of_version_7() -> None:
    fields = report_fields(delivered(fallback=True), fallback_options(FallbackFormat.SMS_7))

    assert fields == {
        "Servicio": "SMSMASIVO",
        "Resultado": "13",
        "Movil": "34600000001",
        "idMensaje": "33434444443",
    }


def test_fallback_is_reported_in_the_fields_of_version_58() -> None:
    fields = report_fields(delivered(fallback=True), fallback_options(FallbackFormat.SMS_58))

    assert fields == {
        "Resultado": "13",
        "Movil": "34600000001",
        "Referencia": "36578294H",
        "idEnvio": "10573758",
        "Fecha": "20201203111424",
        "Remitente": "my-rcs-agent",
        "Segundos": "4",
    }


@pytest.mark.parametrize("form", [FallbackFormat.RCS, FallbackFormat.SMS_7])
def test_name_of_the_fallback_service_can_be_changed(form: FallbackFormat) -> None:
    assert report_fields(delivered(fallback=True), fallback_options(form, "SMS-B"))["Servicio"] == "SMS-B"


def test_reply_of_a_person_has_the_fields_of_a_received_sms() -> None:
    assert reply_fields(REPLY) == {
        "Servicio": "SMSRECIBIDO",
        "timestamp": "1606990460",
        "Fecha": "2020-12-03 11:14:20",
        "Movil": "34600000001",
        "Remitente": "shop",
        "Mensaje": "BAJA",
        "idR": "7",
        "idM": "33434444443",
        "Referencia": "R1",
    }


@pytest.mark.parametrize("form", list(FallbackFormat))
def test_only_fallback_reports_of_version_58_are_forms_by_default(form: FallbackFormat) -> None:
    options = fallback_options(form)
    expected = ReportFormat.FORM if form is FallbackFormat.SMS_58 else ReportFormat.JSON

    assert usual_format(delivered(fallback=True), options) is expected
    assert usual_format(delivered(), options) is ReportFormat.JSON
    assert usual_format(REPLY, options) is ReportFormat.JSON


@pytest.mark.parametrize(("month", "hour"), [(1, "13"), (7, "14")])
def test_date_is_in_spains_time_in_winter_and_summer(month: int, hour: str) -> None:
    noon = replace(SEND, accepted_at=datetime(2026, month, 1, 12, tzinfo=UTC))

    assert report_fields(delivered(send=noon), ReportOptions())["Fecha"] == f"2026-0{month}-01 {hour}:00:04"
