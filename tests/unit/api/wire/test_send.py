"""The bodies of send requests."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_rcs.api.dates import SERVICE_TIMEZONE
from airflow_provider_rcs.api.models import QuietHours, Recipient, SendRequest
from airflow_provider_rcs.api.wire import send
from tests.examples import examples

RECIPIENT = Recipient("+34600000001")


def parameters(*recipients: Any, reference_key: Any = "Referencia", **request: Any) -> Any:
    asked = SendRequest("1234567", recipients or (RECIPIENT,), "k7m2-x9q4", **request)
    return json.loads(send.send_body(asked, reference_key, "json"))


def test_a_plain_send_has_the_required_parameters_and_nothing_else() -> None:
    assert parameters(RECIPIENT) == {
        "Plantilla": "1234567",
        "Destinatarios": [{"Nombre": "", "Telefono": "34600000001"}],
        "Referenciausuario": "k7m2-x9q4",
        "Report": "1",
        "Resp": "JSON",
    }


def test_a_recipient_is_written_as_the_document_shows_it() -> None:
    pedro = Recipient("+34600000001", "Pedro Pérez", variables={"Reason": "Verification", "Code": "847291"})

    assert parameters(pedro)["Destinatarios"] == [
        {
            "Nombre": "Pedro Pérez",
            "Telefono": "34600000001",
            "Variables": [{"Nombre": "Reason", "Valor": "Verification"}, {"Nombre": "Code", "Valor": "847291"}],
        }
    ]


def test_a_recipients_own_reference_goes_under_the_key_of_the_connection() -> None:
    pedro = Recipient("+34600000001", reference="36578294H")

    [written] = parameters(pedro, reference_key="RefMensaje")["Destinatarios"]

    assert written["RefMensaje"] == "36578294H"


def test_recipients_keep_their_order() -> None:
    phones = [f"3460000000{n}" for n in range(9, 0, -1)]

    written = parameters(*map(Recipient, phones))["Destinatarios"]

    assert [each["Telefono"] for each in written] == phones


def test_reports_can_be_turned_off() -> None:
    assert parameters(request_reports=False)["Report"] == "0"


def test_an_agent_is_written_if_it_is_set() -> None:
    assert parameters(agent="my-rcs-agent")["Agente"] == "my-rcs-agent"


@pytest.mark.parametrize(
    ("send_at", "written"),
    [
        (datetime(2022, 1, 10, 14, 10, tzinfo=UTC), "2022-01-10 15:10"),
        (datetime(2022, 5, 1, 13, 10, tzinfo=UTC), "2022-05-01 15:10"),
        (datetime(2022, 5, 1, 15, 10, tzinfo=SERVICE_TIMEZONE), "2022-05-01 15:10"),
        (datetime(2022, 12, 31, 23, 5, tzinfo=UTC), "2023-01-01 00:05"),
    ],
)
def test_the_date_of_a_send_is_written_in_the_time_of_spain(send_at: Any, written: str) -> None:
    assert parameters(send_at=send_at)["Fecha"] == written


def test_quiet_hours_of_another_time_zone_are_written_in_spains_time() -> None:
    (written,) = parameters(quiet_hours=(QuietHours(time(22), time(9), timezone="Atlantic/Canary"),))[
        "Intervaloprohibido"
    ]

    assert (written["HoraInicio"], written["HoraFin"]) == ("23:00", "10:00")


@pytest.mark.parametrize(("month", "written"), [(1, "02:00"), (3, "01:00")])
def test_quiet_hours_are_written_in_the_time_of_spain_on_the_date_of_the_send(month: int, written: str) -> None:
    # In the last two weeks of March, the clocks of New York are an hour nearer to those of Spain.
    hours = (QuietHours(time(20), time(21), timezone="America/New_York"),)

    (interval,) = parameters(quiet_hours=hours, send_at=datetime(2022, month, 15, 12, tzinfo=UTC))["Intervaloprohibido"]

    assert interval["HoraInicio"] == written


def test_quiet_hours_are_written_one_by_one() -> None:
    hours = (QuietHours(time(22), time(9)), QuietHours(time(14, 5), time(16, 30), action=2))

    assert parameters(quiet_hours=hours)["Intervaloprohibido"] == [
        {"HoraInicio": "22:00", "HoraFin": "09:00", "Accion": "1"},
        {"HoraInicio": "14:05", "HoraFin": "16:30", "Accion": "2"},
    ]


texts = st.text(max_size=20)


moments = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).filter(  # noqa: DTZ001
    lambda moment: not moment.astimezone(SERVICE_TIMEZONE).fold
)


recipients = st.builds(
    Recipient,
    phone=st.from_regex(r"[1-9][0-9]{7,14}", fullmatch=True),
    name=texts,
    reference=texts,
    variables=st.dictionaries(texts, texts, max_size=3),
)


requests = st.builds(
    SendRequest,
    template_id=texts,
    recipients=st.lists(recipients, max_size=3).map(tuple),
    campaign_reference=texts,
    agent=texts,
    send_at=st.none() | moments,
    quiet_hours=st.lists(st.just(QuietHours(time(22), time(9))), max_size=2).map(tuple),
    request_reports=st.booleans(),
)


def read_back(written: dict[str, Any]) -> Recipient:
    variables = {each["Nombre"]: each["Valor"] for each in written.get("Variables", ())}
    return Recipient(written["Telefono"], written["Nombre"], written.get("Referencia", ""), variables)


@given(requests)
@settings(max_examples=examples(100))
def test_a_json_body_reads_back_as_the_recipients(request: Any) -> None:
    body = json.loads(send.send_body(request, "Referencia", "json"))

    assert tuple(map(read_back, body["Destinatarios"])) == request.recipients


@given(requests)
@settings(max_examples=examples(40))
def test_a_form_body_has_the_same_parameters_with_arrays_as_json_strings(request: Any) -> None:
    form = send.send_body(request, "Referencia", "form").decode("ascii")

    fields = dict(parse_qsl(form, keep_blank_values=True))

    read = {
        name: json.loads(value) if name in ("Destinatarios", "Intervaloprohibido") else value
        for name, value in fields.items()
    }
    assert read == json.loads(send.send_body(request, "Referencia", "json"))
