"""The fields of pushed reports and messages, by all of their names."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_rcs.api.dates import SERVICE_TIMEZONE
from airflow_provider_rcs.api.errors import RcsReportError
from airflow_provider_rcs.api.models import InboundMessage, Report
from airflow_provider_rcs.api.wire import lenient_json
from airflow_provider_rcs.api.wire.report_fields import read_entry
from tests.examples import examples
from tests.pushed_report import PUSHED
from tests.unit.api.wire.bodies import SMS_RECEIVED

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


@pytest.mark.parametrize("code", ["11", " 11 ", 11, 11.0, "11.0", "11.00"])
def test_a_status_code_is_read_however_its_number_is_written(code: object) -> None:
    assert report(Estado=code).status_code == "11"


@pytest.mark.parametrize("code", ["11.5", ".0", "x.0", "011"])
def test_a_status_code_that_is_no_whole_number_stays_as_it_came(code: str) -> None:
    assert report(Estado=code).status_code == code


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
    with pytest.raises(RcsReportError, match=r"^a report has no status \(Estado\)$"):
        report(Estado=empty)


def test_a_report_that_names_no_message_is_refused() -> None:
    explained = r"^a report names no message: neither recipient \(Destinatario\) nor id \(idMensaje\)$"
    with pytest.raises(RcsReportError, match=explained):
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


def test_a_date_without_an_offset_is_read_in_the_given_time_zone() -> None:
    read = read_entry({**PUSHED, "Fecha": "2026-05-01 14:00:00"}, UTC)

    assert isinstance(read, Report)
    assert read.reported_at == datetime(2026, 5, 1, 14, tzinfo=UTC)


def test_a_refusal_shows_nothing_of_the_body() -> None:
    with pytest.raises(RcsReportError) as refused:
        read_entry({**PUSHED, "Estado": ""})

    assert PUSHED["Destinatario"] not in str(refused.value)


@pytest.mark.parametrize("fields", [None, 7, "x", [PUSHED]], ids=lambda fields: type(fields).__name__)
def test_a_value_that_is_not_an_object_is_refused(fields: Any) -> None:
    with pytest.raises(RcsReportError, match="^a report is not an object$"):
        read_entry(fields)


SMS_7 = {"Servicio": "SMSMASIVO", "Resultado": "11", "Movil": "34600000001", "idMensaje": "55"}
SMS_58 = {
    "Resultado": "11",
    "Movil": "34600000001",
    "Referencia": "36578294H",
    "idEnvio": "10573758",
    "Fecha": "20201203111424",
    "Remitente": "Company",
    "Segundos": "12",
}


def test_a_report_of_sms_version_7_is_read_by_its_own_names() -> None:
    assert read_entry(SMS_7) == Report("11", phone="+34600000001", service="SMSMASIVO", api_message_id="55")


@pytest.mark.parametrize("spelled", [str, str.lower, str.upper, " {} ".format])
def test_a_report_of_sms_version_5_8_is_read_by_its_own_names(spelled: Any) -> None:
    assert read_entry({spelled(name): value for name, value in SMS_58.items()}) == Report(
        status_code="11",
        phone="+34600000001",
        message_reference="36578294H",
        service="SMS",
        agent="Company",
        reported_at=REPORT.reported_at,
        reported_at_text="20201203111424",
        api_campaign_id="10573758",
        extra={"segundos": "12"},
    )


def test_only_a_report_by_the_names_of_sms_gets_its_service() -> None:
    assert read_entry({"Estado": "13", "Movil": "34600000001"}) == Report("13", phone="+34600000001")


ALIASES = {
    "Estado": "Resultado",
    "Destinatario": "Movil",
    "RefMensaje": "Referencia",
    "idCampaign": "idEnvio",
    "Agente": "Remitente",
}


@pytest.mark.parametrize(("name", "other"), ALIASES.items())
def test_two_names_of_one_field_may_hold_the_same_value(name: str, other: str) -> None:
    assert report(**{other: PUSHED[name]}) == REPORT
    assert report(**{other: ""}) == REPORT
    assert report(**{name: "", other: PUSHED[name]}) == REPORT


@pytest.mark.parametrize(("name", "other"), ALIASES.items())
def test_two_names_of_one_field_with_different_values_are_refused(name: str, other: str) -> None:
    with pytest.raises(RcsReportError, match=rf"two values of one field \({name}\)"):
        report(**{other: "34600000002"})


def test_two_ways_to_write_one_phone_are_the_same_phone() -> None:
    assert report(Movil="+34 600 000 001") == REPORT
    assert report(RefMensaje="34600000001", Destinatario="0034600000001", Movil="34600000001.0").phone == REPORT.phone


def test_other_fields_whose_names_differ_only_in_case_are_both_kept() -> None:
    assert report(Coste="1", coste="2").extra == {"coste": "1", "coste_": "2"}


def test_a_reply_of_a_person_is_read_by_its_names() -> None:
    assert read_entry({**SMS_RECEIVED, "Estado": "13", "Destinatario": "34600000009"}) == InboundMessage(
        phone="+34600000001",
        text="BAJA",
        sent_at=datetime(2020, 12, 3, 11, 0, tzinfo=UTC),
        sent_at_text="2020-12-03 12:00:00",
        sender="34900000000",
        service="SMSRECIBIDO",
        message_reference="36578294H",
        api_message_id="33434444443",
        api_inbound_id="881",
        extra={"timestamp": "1607000400", "estado": "13", "destinatario": "34600000009"},
    )


@pytest.mark.parametrize("service", ["SMSRECIBIDO", "smsrecibido", " SmsRecibido "])
def test_a_reply_of_a_person_is_recognized_by_its_service_in_any_case(service: str) -> None:
    assert isinstance(read_entry({"Servicio": service, "Movil": "34600000001"}), InboundMessage)


def test_a_reply_without_a_date_has_that_of_its_arrival_if_it_is_a_date() -> None:
    reply = read_entry({"Servicio": "SMSRECIBIDO", "Movil": "34600000001", "timestamp": "2020-12-03T11:00:00Z"})

    assert isinstance(reply, InboundMessage)
    assert (reply.sent_at, reply.sent_at_text) == (datetime(2020, 12, 3, 11, tzinfo=UTC), "2020-12-03T11:00:00Z")


def test_a_reply_without_any_date_has_none() -> None:
    reply = read_entry({"Servicio": "SMSRECIBIDO", "Movil": "34600000001"})

    assert isinstance(reply, InboundMessage)
    assert (reply.sent_at, reply.sent_at_text) == (None, "")


def test_the_date_of_arrival_is_read_in_the_given_time_zone_too() -> None:
    bogota = timezone(timedelta(hours=-5))
    reply = read_entry({"Servicio": "SMSRECIBIDO", "Movil": "34600000001", "timestamp": "2020-12-03 06:00:00"}, bogota)

    assert isinstance(reply, InboundMessage)
    assert reply.sent_at == datetime(2020, 12, 3, 11, tzinfo=UTC)


@pytest.mark.parametrize("text", ["¡Baja! \U0001f64f", "", "a&b=c", "x" * 10_000, None, "half of \ud83d", "NUL \0"])
def test_the_text_of_a_reply_is_kept(text: Any) -> None:
    reply = read_entry({**SMS_RECEIVED, "Mensaje": text})

    assert isinstance(reply, InboundMessage)
    assert reply.text == lenient_json.text(text).strip()


def test_a_reply_without_a_phone_is_refused() -> None:
    with pytest.raises(RcsReportError, match=r"^a message of a person names no phone \(Movil\)$"):
        read_entry({**SMS_RECEIVED, "Movil": ""})


values = (
    st.none()
    | st.text()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.booleans()
    | st.lists(st.text(), max_size=2)
)


@given(st.dictionaries(st.sampled_from(sorted(PUSHED)) | st.text(max_size=5), values))
@settings(max_examples=examples(100))
def test_any_fields_are_read_as_a_report_or_refused(fields: Any) -> None:
    try:
        read = read_entry(fields)
    except RcsReportError:
        return

    assert isinstance(read, Report)
    assert read.status_code
    received = [
        value.strip() if isinstance(value, str) else lenient_json.text(value).strip()
        for name, value in fields.items()
        if name.strip().lower() in ("destinatario", "movil")
    ]
    assert re.fullmatch(r"\+[1-9][0-9]{6,14}", read.phone) or read.phone in ("", *received)
