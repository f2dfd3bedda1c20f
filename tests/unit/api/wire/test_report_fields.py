"""The fields of pushed reports and messages, by all of their names."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_rcs.api.dates import SERVICE_TIMEZONE
from airflow_provider_rcs.api.errors import RcsReportError
from airflow_provider_rcs.api.models import Report
from airflow_provider_rcs.api.wire import lenient_json
from airflow_provider_rcs.api.wire.report_fields import read_entry
from tests.pushed_report import PUSHED

REPORT = Report(
    status_code="11",
    phone="+34600000001",
    campaign_reference="12333-4545-23233",
    message_reference="36578294H",
    service="RCS",
    agent="my-rcs-agent",
    reported_at=datetime(2020, 12, 3, 10, 14, 24, tzinfo=UTC),
    reported_at_text="2020-12-03 11:14:24",
    api_campaign_id="10573758",
    api_message_id="33434444443",
)


def report(**changes: Any) -> Any:
    return read_entry({**PUSHED, **changes})


def test_the_nine_fields_of_the_document_are_read() -> None:
    assert report() == REPORT


@pytest.mark.parametrize("spelled", [str.lower, str.upper, str.swapcase])
def test_the_case_of_the_fields_does_not_matter(spelled: Any) -> None:
    assert read_entry({spelled(name): value for name, value in PUSHED.items()}) == REPORT


def test_numbers_read_the_same_as_text() -> None:
    assert report(Estado=11, Destinatario=34600000001, idCampaign=10573758, idMensaje=33434444443) == REPORT


def test_white_space_around_a_value_is_dropped() -> None:
    assert report(Estado=" 11 ", RefCampaign="12333-4545-23233\n") == REPORT


@pytest.mark.parametrize(
    "phone",
    [
        "+34600000001",
        "0034600000001",
        "34600000001",
        "+34 600 000 001",
        "(+34) 600-000-001",
        "34600000001.0",
        "+34600000001.00",
        34600000001,
        34600000001.0,
    ],
)
def test_phones_are_read_in_e164(phone: str) -> None:
    assert report(Destinatario=phone).phone == "+34600000001"


def test_a_phone_of_a_country_with_short_numbers_is_read_in_e164() -> None:
    assert report(Destinatario="376312345").phone == "+376312345"


@pytest.mark.parametrize(
    "text",
    [
        "unknown",
        "123456",
        "0600000001",
        "3460000000134600000002",
        "34600000001.5",
        "3.4600000001E10",
        "3.46E10",
        "34600000001/2",
        "34600000001 ext 5",
        "346000001, 346000002",
        "",
    ],
)
def test_a_text_that_is_no_phone_stays_as_it_came(text: str) -> None:
    assert report(Destinatario=text).phone == text


@pytest.mark.parametrize("missing", sorted(PUSHED.keys() - {"Estado"}))
def test_a_field_that_is_missing_is_empty_and_no_other_changes(missing: str) -> None:
    without = read_entry({name: value for name, value in PUSHED.items() if name != missing})

    assert without == report(**{missing: ""})


@pytest.mark.parametrize("empty", ["", "  ", None])
def test_a_report_without_a_status_is_refused(empty: Any) -> None:
    with pytest.raises(RcsReportError, match="has no status"):
        report(Estado=empty)


def test_a_report_that_names_no_message_is_refused() -> None:
    with pytest.raises(RcsReportError, match="names no message"):
        report(Destinatario="", idMensaje="")


@pytest.mark.parametrize("named", [{"Destinatario": ""}, {"idMensaje": ""}])
def test_phone_or_message_id_is_enough_to_name_a_message(named: Any) -> None:
    assert report(**named).status_code == "11"


def test_an_unknown_code_is_kept_as_received() -> None:
    assert report(Estado="X-99").status_code == "X-99"


def test_fields_that_the_document_does_not_name_are_kept_as_text() -> None:
    extra = report(Coste=0.05, Operador="Movistar", Partes={"total": 1}, Nada=None).extra

    assert extra == {"coste": "0.05", "operador": "Movistar", "partes": '{"total":1}', "nada": ""}


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-15 12:00:00", datetime(2026, 1, 15, 11, tzinfo=UTC)),
        ("2026-07-15 12:00:00", datetime(2026, 7, 15, 10, tzinfo=UTC)),
        ("2026-10-25 01:59:59", datetime(2026, 10, 24, 23, 59, 59, tzinfo=UTC)),
        ("2026-10-25 02:30:00", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("2026-10-25 03:00:00", datetime(2026, 10, 25, 2, 0, tzinfo=UTC)),
        ("2026-03-29 03:00:00", datetime(2026, 3, 29, 1, 0, tzinfo=UTC)),
    ],
)
def test_a_date_is_spains_time_and_the_repeated_hour_of_october_its_first_pass(text: str, moment: Any) -> None:
    assert report(Fecha=text).reported_at == moment


@given(st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_every_moment_reads_back_from_its_time_in_spain(moment: Any) -> None:
    moment = moment.replace(microsecond=0)
    local = moment.astimezone(SERVICE_TIMEZONE)
    repeated = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()

    read = report(Fecha=f"{local:%Y-%m-%d %H:%M:%S}").reported_at

    assert read == moment or (repeated and read == local.replace(fold=0).astimezone(UTC))


@pytest.mark.parametrize(
    "text",
    ["", "0000-00-00 00:00:00", "2026-02-30 10:00:00", "25/10/2026 10:00", "2026-10-25", "1793000000", "now"],
)
def test_a_date_that_cannot_be_read_is_kept_as_text(text: str) -> None:
    read = report(Fecha=text)

    assert (read.reported_at, read.reported_at_text) == (None, text)


def test_a_refusal_shows_nothing_of_the_body() -> None:
    with pytest.raises(RcsReportError) as refused:
        read_entry({**PUSHED, "Estado": ""})

    assert PUSHED["Destinatario"] not in str(refused.value)


@pytest.mark.parametrize("fields", [None, 7, "x", [PUSHED]], ids=lambda fields: type(fields).__name__)
def test_a_value_that_is_not_an_object_is_refused(fields: Any) -> None:
    with pytest.raises(RcsReportError, match="not an object"):
        read_entry(fields)


values = (
    st.none()
    | st.text()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.booleans()
    | st.lists(st.text(), max_size=2)
)


@given(st.dictionaries(st.sampled_from(sorted(PUSHED)) | st.text(max_size=5), values))
@settings(max_examples=100)
def test_any_fields_are_read_as_a_report_or_refused(fields: Any) -> None:
    try:
        read = read_entry(fields)
    except RcsReportError:
        return

    assert read.status_code
    received = [
        value.strip() if isinstance(value, str) else lenient_json.text(value).strip()
        for name, value in fields.items()
        if name.strip().lower() in ("destinatario", "movil")
    ]
    assert re.fullmatch(r"\+[1-9][0-9]{6,14}", read.phone) or read.phone in ("", *received)
