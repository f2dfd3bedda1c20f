"""Requests are read in both formats, whatever the case of their names."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from airflow_provider_rcs.sandbox.model import Recipient, SendRequest
from airflow_provider_rcs.sandbox.options import Account, Wire
from airflow_provider_rcs.sandbox.reading import asks_for_json, lower_names, read_parameters, read_send
from airflow_provider_rcs.sandbox.refusals import ParameterError

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
ANA = {"Nombre": "Ana Gómez", "Telefono": "34600000001", "Referencia": "R1"}


def parameters(**changes: Any) -> dict[str, Any]:
    return {"Plantilla": "1234569", "Destinatarios": [ANA], "Resp": "JSON"} | changes


def read(content: dict[str, Any], account: Account | None = None, wire: Wire | None = None) -> SendRequest:
    return read_send(lower_names(read_parameters(orjson.dumps(content), JSON)), account or Account(), wire or Wire())


def refusal(**changes: Any) -> str:
    with pytest.raises(ParameterError) as refused:
        read(parameters(**changes))
    assert refused.value.result == -3
    return refused.value.text


def test_json_body_and_form_read_the_same() -> None:
    strings = parameters(Destinatarios=orjson.dumps([ANA]).decode())

    from_json = lower_names(read_parameters(orjson.dumps(strings), JSON))
    from_form = lower_names(read_parameters(urlencode(strings).encode(), FORM))

    assert from_json == from_form
    assert read_send(from_form, Account(), Wire()).recipients == [Recipient("34600000001", "Ana Gómez", "R1", {})]


def test_array_in_a_json_body_may_be_real_or_a_string() -> None:
    real = read(parameters(Destinatarios=[ANA]))
    string = read(parameters(Destinatarios=orjson.dumps([ANA]).decode()))

    assert real == string


def test_case_of_parameter_names_does_not_matter() -> None:
    shouted = {name.upper(): value for name, value in parameters(Referenciausuario="spring-1").items()}

    assert read(shouted) == read(parameters(Referenciausuario="spring-1"))


def test_case_of_a_recipients_keys_does_not_matter() -> None:
    whispered = {
        "nombre": "Ana",
        "TELEFONO": "34600000001",
        "referencia": "R1",
        "variables": [{"NOMBRE": "Importe", "valor": "12"}],
    }

    request = read(parameters(Destinatarios=[whispered]))

    assert request.recipients == [Recipient("34600000001", "Ana", "R1", {"Importe": "12"})]


def test_key_of_the_reference_is_an_option() -> None:
    recipient = {"Telefono": "34600000001", "referenciausuario": "R7", "Referencia": "other"}

    request = read(parameters(Destinatarios=[recipient]), wire=Wire(recipient_reference_key="ReferenciaUsuario"))

    assert request.recipients[0].reference == "R7"


def test_variable_that_cannot_be_read_is_one_that_is_lacking() -> None:
    variables = [{"Nombre": "A", "Valor": None}, {"Nombre": "B"}, "C", {"Valor": "1"}, {"Nombre": "D", "Valor": 5}]

    request = read(parameters(Destinatarios=[ANA | {"Variables": variables}]))

    assert request.recipients[0].variables == {"D": "5"}


def test_phone_that_is_no_text_and_no_number_reads_as_none() -> None:
    phones = [34600000001, None, True, ["34600000001"]]

    request = read(parameters(Destinatarios=[{"Telefono": phone} for phone in phones]))

    assert [recipient.phone for recipient in request.recipients] == ["34600000001", "", "", ""]


def test_quiet_hours_are_read_as_written() -> None:
    stretch = {"HoraInicio": "22:00", "HoraFin": "9:00", "Accion": "1"}

    request = read(parameters(Intervaloprohibido=[stretch]))

    assert request.quiet_hours == [{"start": "22:00", "end": "9:00", "action": "1"}]


def test_only_agent_of_the_account_may_be_left_out() -> None:
    assert read(parameters(), Account(agents=("shop",))).agent == "shop"


def test_one_of_several_agents_must_be_named() -> None:
    with pytest.raises(ParameterError, match="Agente"):
        read(parameters(), Account(agents=("shop", "bank")))


@pytest.mark.parametrize(("report", "wanted"), [("1", True), (1, True), ("0", False), ("", False), (None, False)])
def test_report_is_a_flag(report: Any, wanted: bool) -> None:
    assert read(parameters(Report=report)).report is wanted


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"Plantilla": ""}, "Plantilla"),
        ({"Plantilla": "999"}, "Plantilla"),
        ({"Plantilla": ["1234569"]}, "Plantilla"),
        ({"Destinatarios": None}, "Destinatarios"),
        ({"Destinatarios": []}, "Destinatarios"),
        ({"Destinatarios": "no JSON"}, "Destinatarios"),
        ({"Destinatarios": {"Telefono": "34600000001"}}, "Destinatarios"),
        ({"Destinatarios": ["34600000001"]}, "Destinatarios"),
        ({"Destinatarios": [ANA] * 1_001}, "Destinatarios"),
        ({"Agente": "stranger"}, "Agente"),
        ({"Fecha": "2022-05-01"}, "Fecha"),
        ({"Fecha": "2022-05-01 15:10:00"}, "Fecha"),
        ({"Fecha": "2022-5-1 15:10"}, "Fecha"),
        ({"Fecha": "2022-02-30 15:10"}, "Fecha"),
        ({"Intervaloprohibido": [{"HoraInicio": "25:00", "HoraFin": "9:00", "Accion": "1"}]}, "Intervaloprohibido"),
        ({"Intervaloprohibido": [{"HoraInicio": "22:00", "HoraFin": "9:00"}]}, "Intervaloprohibido"),
        ({"Intervaloprohibido": ["22:00"]}, "Intervaloprohibido"),
        ({"Report": "yes"}, "Report"),
        ({"Report": True}, "Report"),
    ],
)
def test_wrong_parameter_is_named_in_the_refusal(changes: dict[str, Any], named: str) -> None:
    assert named in refusal(**changes)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(b"{", JSON), (b"[]", JSON), (b"\xff", FORM), (b"a=%FF", FORM), (b"{}", "text/plain"), (b"", "")],
)
def test_body_in_no_known_format_is_refused(body: bytes, content_type: str) -> None:
    with pytest.raises(ParameterError):
        read_parameters(body, content_type)


@pytest.mark.parametrize(("content", "wanted"), [({"resp": "JSON"}, True), ({"Resp": "TXT"}, False), ({}, False)])
def test_json_is_answered_to_those_who_ask_for_it(content: dict[str, str], wanted: bool) -> None:
    assert asks_for_json(lower_names(read_parameters(orjson.dumps(content), JSON))) is wanted
