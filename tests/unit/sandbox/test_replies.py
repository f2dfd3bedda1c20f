"""Replies have each of the shapes that have been observed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson

from airflow_provider_rcs.sandbox.model import (
    AcceptedMessage,
    AcceptedSend,
    ParameterError,
    SandboxRecipient,
    SendOutcome,
)
from airflow_provider_rcs.sandbox.options import DEFAULT_TEMPLATES, ReplyShape
from airflow_provider_rcs.sandbox.replies import (
    Reply,
    credit_reply,
    encode_old_reply,
    encode_reply,
    refusal_reply,
    send_reply,
    templates_reply,
    variables_reply,
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


def decoded(reply: Reply, shape: ReplyShape) -> Any:
    return orjson.loads(encode_reply(reply, shape))


def sent(shape: ReplyShape) -> Any:
    return decoded(send_reply(OUTCOME, shape), shape)


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

    reply = decoded(send_reply(outcome, ReplyShape.OBJECT), ReplyShape.OBJECT)

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
    assert decoded(variables_reply(DEFAULT_TEMPLATES[0]), ReplyShape.DOCUMENT) == [
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


def test_old_reply_format_is_not_json() -> None:
    assert encode_old_reply(send_reply(OUTCOME, ReplyShape.DOCUMENT)) == b"Res:1"
