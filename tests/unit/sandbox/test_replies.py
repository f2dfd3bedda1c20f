"""Replies have each of the shapes that have been observed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from airflow_provider_rcs.sandbox.model import (
    AcceptedMessage,
    AcceptedSend,
    ParameterError,
    SandboxRecipient,
    SandboxTemplate,
    SendOutcome,
    VariableType,
    WrongCredentialsError,
)
from airflow_provider_rcs.sandbox.options import DEFAULT_TEMPLATES, ReplyShape, ReplyValues
from airflow_provider_rcs.sandbox.replies import (
    Reply,
    ReplyFormat,
    credit_reply,
    encode_reply,
    encode_text_reply,
    refusal_reply,
    send_reply,
    spanish_credit_reply,
    templates_reply,
    variables_reply,
    without_result,
)

SENT = AcceptedSend(
    request=1,
    send_id=1228853777,
    template_id="1234567",
    agent="my-rcs-agent",
    campaign_reference="",
    send_at="",
    quiet_hours=(),
    report=False,
    accepted_at=datetime(2026, 1, 1, tzinfo=UTC),
    messages=[AcceptedMessage(108366478, "34600000001", "Pedro", "", {})],
)
OUTCOME = SendOutcome(3, SENT, [SandboxRecipient("34600", "Ana", "", {})], 1)


def decoded(reply: Reply, shape: ReplyShape, values: ReplyValues | None = None) -> Any:
    return orjson.loads(encode_reply(reply, ReplyFormat(shape, values)))


def sent(shape: ReplyShape, values: ReplyValues | None = None) -> Any:
    return decoded(send_reply(OUTCOME, ReplyFormat(shape, values)), shape, values)


def test_document_shape_is_a_list_of_one_object_of_strings() -> None:
    assert sent(ReplyShape.DOCUMENT) == [
        {
            "Res": "1",
            "Error": "",
            "idEnvio": "1228853777",
            "Destinatarios": "3",
            "Enviados": '[{"Telefono":"34600000001","idMensaje":"108366478"}]',
            "NoEnviados": '[{"Nombre":"Ana","Telefono":"34600"}]',
            "Duplicados": "1",
        }
    ]


def test_object_shape_has_real_numbers_and_arrays() -> None:
    assert sent(ReplyShape.OBJECT) == {
        "Res": 1,
        "Error": "",
        "idEnvio": 1228853777,
        "Destinatarios": 3,
        "Enviados": [{"Telefono": "34600000001", "idMensaje": 108366478}],
        "NoEnviados": [{"Nombre": "Ana", "Telefono": "34600"}],
        "Duplicados": 1,
    }


def test_object_strings_shape_has_real_arrays() -> None:
    reply = sent(ReplyShape.OBJECT_STRINGS)

    assert (reply["Res"], reply["idEnvio"], reply["Duplicados"]) == ("1", "1228853777", "1")
    assert reply["Enviados"] == [{"Telefono": "34600000001", "idMensaje": "108366478"}]


def test_counts_shape_has_counts_instead_of_arrays() -> None:
    reply = sent(ReplyShape.COUNTS)

    assert (reply["Enviados"], reply["NoEnviados"]) == (1, 1)


def test_send_without_accepted_messages_has_result_0_and_no_send_id() -> None:
    outcome = SendOutcome(1, None, [SandboxRecipient("1", "", "", {})], 0)

    reply = decoded(send_reply(outcome, ReplyFormat(ReplyShape.OBJECT)), ReplyShape.OBJECT)

    assert reply["Res"] == 0
    assert "idEnvio" not in reply


def test_templates_are_written_as_in_the_document() -> None:
    assert decoded(templates_reply(DEFAULT_TEMPLATES[:2]), ReplyShape.DOCUMENT) == [
        {
            "Res": "1",
            "Total": "2",
            "Plantillas": '{"1234567":"Customer welcome","1234568":"Shipping notice"}',
        }
    ]


def test_variables_are_written_as_in_the_document() -> None:
    assert decoded(variables_reply(DEFAULT_TEMPLATES[0], ReplyFormat(ReplyShape.DOCUMENT)), ReplyShape.DOCUMENT) == [
        {
            "Res": "1",
            "Nombre": "Customer welcome",
            "Total": "2",
            "Variables": '[{"Nombre":"Destinatario","Tipo":"DESTINATARIO"},{"Nombre":"Importe","Tipo":"TEXTO"}]',
        }
    ]


def test_an_empty_set_of_templates_is_an_array() -> None:
    assert decoded(templates_reply(()), ReplyShape.OBJECT)["Plantillas"] == []
    assert decoded(templates_reply(()), ReplyShape.DOCUMENT)[0]["Plantillas"] == "[]"


def test_refusal_has_its_result_and_text() -> None:
    refusal = ParameterError("Falta parámetro obligatorio: Plantilla")

    assert decoded(refusal_reply(refusal), ReplyShape.DOCUMENT) == [
        {"Res": "-3", "Error": "Falta parámetro obligatorio: Plantilla"}
    ]


def test_credit_reply_has_the_credit() -> None:
    assert decoded(credit_reply(12), ReplyShape.OBJECT) == {"Res": 1, "Cred": 12}


def test_one_object_stands_in_place_of_a_list_of_one() -> None:
    reply = sent(ReplyShape.ONE_OBJECT)

    assert reply["Enviados"] == {"Telefono": "34600000001", "idMensaje": 108366478}
    assert reply["NoEnviados"] == {"Nombre": "Ana", "Telefono": "34600"}


def test_variables_of_a_template_with_one_are_one_object_in_that_shape() -> None:
    template = SandboxTemplate("1", "Receipt", {"Total": VariableType.TEXT})

    reply = variables_reply(template, ReplyFormat(ReplyShape.ONE_OBJECT))

    assert reply["Variables"] == {"Nombre": "Total", "Tipo": "TEXTO"}


def test_certified_shape_has_the_ids_in_the_list_of_recipients_and_a_count_of_them() -> None:
    reply = sent(ReplyShape.CERTIFIED)

    assert reply["Destinatarios"] == [{"Telefono": "34600000001", "idMensaje": 108366478}]
    assert reply["Enviados"] == 1
    assert reply["NoEnviados"] == [{"Nombre": "Ana", "Telefono": "34600"}]


def test_mobile_shape_has_the_other_name_for_a_phone() -> None:
    reply = sent(ReplyShape.MOBILE)

    assert reply["Enviados"] == [{"Movil": "34600000001", "idMensaje": 108366478}]
    assert reply["NoEnviados"] == [{"Nombre": "Ana", "Movil": "34600"}]


@pytest.mark.parametrize("shape", [shape for shape in ReplyShape if shape is not ReplyShape.TEXT])
def test_every_json_shape_can_be_written_in_every_way(shape: ReplyShape) -> None:
    real, numbers_as_texts, texts = (sent(shape, values) for values in ReplyValues)
    if shape is ReplyShape.DOCUMENT:
        (real,), (numbers_as_texts,), (texts,) = real, numbers_as_texts, texts

    assert real["Res"] == 1
    assert numbers_as_texts["Res"] == texts["Res"] == "1"
    assert type(numbers_as_texts["NoEnviados"]) is (str if shape is ReplyShape.COUNTS else type(real["NoEnviados"]))
    assert all(isinstance(value, str) for value in texts.values())
    assert orjson.loads(texts["NoEnviados"]) == real["NoEnviados"]


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        (send_reply(OUTCOME, ReplyFormat(ReplyShape.TEXT)), b"Res:1;Cred:14970,00;"),
        (refusal_reply(ParameterError("Plantilla desconocida")), b"Res:-3;"),
        (refusal_reply(WrongCredentialsError()), b"-1"),
    ],
)
def test_text_reply_has_result_and_credit_or_a_bare_number_for_wrong_credentials(reply: Reply, text: bytes) -> None:
    assert encode_text_reply(reply, credit_reply(14_970)) == text


def test_credit_is_written_as_in_spain() -> None:
    assert spanish_credit_reply(1_234_567) == {"Res": 1, "Saldo": "1.234.567,00"}
    assert encode_text_reply({"Res": 3}, spanish_credit_reply(14_970)) == b"Res:3;Saldo:14.970,00;"


def test_credit_without_a_result_says_wrong_credentials_by_its_number() -> None:
    assert without_result(credit_reply(12)) == {"Cred": 12}
    assert without_result(refusal_reply(WrongCredentialsError())) == {"Cred": -1}
