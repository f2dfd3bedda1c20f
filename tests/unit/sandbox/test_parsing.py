"""Requests are parsed in both formats, with names in any case."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from airflow_provider_rcs.sandbox.model import ParameterError, ReceivedSend, SandboxRecipient
from airflow_provider_rcs.sandbox.options import SandboxAccount
from airflow_provider_rcs.sandbox.parsing import lower_names, parse_parameters, parse_send, wants_json

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=xyz"
ANA = {"Nombre": "Ana Gómez", "Telefono": "34600000001", "Referencia": "R1"}


def multipart(fields: dict[str, str]) -> bytes:
    parts = [f'--xyz\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{fields[name]}\r\n' for name in fields]
    return "".join([*parts, "--xyz--\r\n"]).encode()


def parameters(**changes: Any) -> dict[str, Any]:
    return {"Plantilla": "1234569", "Destinatarios": [ANA], "Resp": "JSON"} | changes


def parse(content: dict[str, Any], account: SandboxAccount | None = None) -> ReceivedSend:
    return parse_send(lower_names(parse_parameters(orjson.dumps(content), JSON)), account or SandboxAccount())


def refusal(**changes: Any) -> str:
    with pytest.raises(ParameterError) as refused:
        parse(parameters(**changes))
    assert refused.value.result == -3
    return refused.value.text


def test_json_body_and_form_are_parsed_alike() -> None:
    strings = parameters(Destinatarios=orjson.dumps([ANA]).decode())

    from_json = lower_names(parse_parameters(orjson.dumps(strings), JSON))
    from_form = lower_names(parse_parameters(urlencode(strings).encode(), FORM))

    assert from_json == from_form
    assert parse_send(from_form, SandboxAccount()).recipients == [
        SandboxRecipient("34600000001", "Ana Gómez", "R1", {})
    ]


@pytest.mark.parametrize("content_type", [FORM, MULTIPART])
def test_form_may_hold_real_arrays(content_type: str) -> None:
    fields = {
        "PLANTILLA": "1234569",
        "destinatarios[0][telefono]": "34600000001",
        "destinatarios[0][Variables][0][Nombre]": "Importe",
        "destinatarios[0][Variables][0][Valor]": "12",
        "destinatarios[1][telefono]": "34600000002",
        "Resp": "json",
    }
    body = urlencode(fields).encode() if content_type == FORM else multipart(fields)

    request = parse_send(lower_names(parse_parameters(body, content_type)), SandboxAccount())

    assert request.recipients == [
        SandboxRecipient("34600000001", "", "", {"Importe": "12"}),
        SandboxRecipient("34600000002", "", "", {}),
    ]


def test_multipart_form_is_parsed_like_json() -> None:
    strings = parameters(Destinatarios=orjson.dumps([ANA]).decode())

    assert parse_parameters(multipart(strings), MULTIPART) == strings


def test_array_in_a_json_body_may_be_an_array_or_a_string() -> None:
    real = parse(parameters(Destinatarios=[ANA]))
    string = parse(parameters(Destinatarios=orjson.dumps([ANA]).decode()))

    assert real == string


def test_parameter_names_match_in_any_case() -> None:
    upper_case = {name.upper(): value for name, value in parameters(Referenciausuario="spring-1").items()}

    assert parse(upper_case) == parse(parameters(Referenciausuario="spring-1"))


def test_keys_of_a_recipient_match_in_any_case() -> None:
    mixed_case = {
        "nombre": "Ana",
        "TELEFONO": "34600000001",
        "referencia": "R1",
        "variables": [{"NOMBRE": "Importe", "valor": "12"}],
    }

    request = parse(parameters(Destinatarios=[mixed_case]))

    assert request.recipients == [SandboxRecipient("34600000001", "Ana", "R1", {"Importe": "12"})]


def test_unreadable_variable_counts_as_missing() -> None:
    variables = [{"Nombre": "A", "Valor": None}, {"Nombre": "B"}, "C", {"Valor": "1"}, {"Nombre": "D", "Valor": 5}]

    request = parse(parameters(Destinatarios=[ANA | {"Variables": variables}]))

    assert request.recipients[0].variables == {"D": "5"}


def test_phone_that_is_neither_text_nor_number_is_empty() -> None:
    phones = [34600000001, None, True, ["34600000001"]]

    request = parse(parameters(Destinatarios=[{"Telefono": phone} for phone in phones]))

    assert [recipient.phone for recipient in request.recipients] == ["34600000001", "", "", ""]


def test_quiet_hours_are_parsed_as_received() -> None:
    interval = {"HoraInicio": "22:00", "HoraFin": "9:00", "Accion": "1"}

    request = parse(parameters(Intervaloprohibido=[interval]))

    assert request.quiet_hours == [{"start": "22:00", "end": "9:00", "action": "1"}]


def test_only_agent_of_the_account_may_be_omitted() -> None:
    assert parse(parameters(), SandboxAccount(agents=("shop",))).agent == "shop"


def test_one_of_several_agents_must_be_named() -> None:
    with pytest.raises(ParameterError, match="Agente"):
        parse(parameters(), SandboxAccount(agents=("shop", "bank")))


@pytest.mark.parametrize(("report", "expected"), [("1", True), (1, True), ("0", False), ("", False), (None, False)])
def test_report_is_a_flag(report: Any, expected: bool) -> None:
    assert parse(parameters(Report=report)).report is expected


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
def test_refusal_names_the_invalid_parameter(changes: dict[str, Any], named: str) -> None:
    assert named in refusal(**changes)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"{", JSON),
        (b"[]", JSON),
        (b"\xff", FORM),
        (b"a=%FF", FORM),
        (b"--xyz", MULTIPART),
        (b"--xyz--", MULTIPART[:19]),
        (b"{}", "text/plain"),
        (b"", ""),
    ],
)
def test_body_in_an_unknown_format_is_refused(body: bytes, content_type: str) -> None:
    with pytest.raises(ParameterError):
        parse_parameters(body, content_type)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"resp": "JSON"}, True),
        ({"RESP": "json"}, True),
        ({"Resp": "TXT"}, False),
        ({"Resp": ["JSON"]}, False),
        ({}, False),
    ],
)
def test_request_asks_for_json_by_its_resp_parameter(content: dict[str, Any], expected: bool) -> None:
    assert wants_json(lower_names(parse_parameters(orjson.dumps(content), JSON))) is expected
