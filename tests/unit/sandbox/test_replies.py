"""Replies come in each of the shapes in which the API was seen to answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from airflow_provider_rcs.sandbox.model import AcceptedMessage, AcceptedSend, Outcome, Recipient
from airflow_provider_rcs.sandbox.options import EmptyTemplates, ReplyShape, Wire
from airflow_provider_rcs.sandbox.refusals import ParameterError
from airflow_provider_rcs.sandbox.replies import (
    Reply,
    credit_reply,
    refusal_reply,
    send_reply,
    templates_reply,
    variables_reply,
    write_old_reply,
    write_reply,
)
from airflow_provider_rcs.sandbox.templates import DEFAULT_TEMPLATES

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
OUTCOME = Outcome(3, SENT, [Recipient("34600", "Ana", "", {})], 1)


def written(reply: Reply, wire: Wire) -> Any:
    return orjson.loads(write_reply(reply, wire))


def sent(shape: ReplyShape) -> Any:
    wire = Wire(reply_shape=shape)
    return written(send_reply(OUTCOME, wire), wire)


def test_documents_shape_is_a_list_of_one_object_of_strings() -> None:
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


def test_object_has_real_numbers_and_arrays() -> None:
    assert sent(ReplyShape.OBJECT) == {
        "Res": 1,
        "Error": "",
        "idEnvio": 1228853777,
        "Destinatarios": 3,
        "Enviados": [{"Telefono": "34600000001", "idMensaje": 108366478}],
        "NoEnviados": [{"Nombre": "Ana", "Telefono": "34600"}],
        "Duplicados": 1,
    }


def test_object_of_strings_keeps_real_arrays() -> None:
    reply = sent(ReplyShape.OBJECT_STRINGS)

    assert (reply["Res"], reply["idEnvio"], reply["Duplicados"]) == ("1", "1228853777", "1")
    assert reply["Enviados"] == [{"Telefono": "34600000001", "idMensaje": "108366478"}]


def test_counts_stand_in_place_of_the_arrays() -> None:
    reply = sent(ReplyShape.COUNTS)

    assert (reply["Enviados"], reply["NoEnviados"]) == (1, 1)


def test_nobody_sent_to_is_a_result_of_0_without_a_send_id() -> None:
    wire = Wire(reply_shape=ReplyShape.OBJECT)

    reply = written(send_reply(Outcome(1, None, [Recipient("1", "", "", {})], 0), wire), wire)

    assert reply["Res"] == 0
    assert "idEnvio" not in reply


def test_templates_look_as_in_the_document() -> None:
    assert written(templates_reply(DEFAULT_TEMPLATES[:2], Wire()), Wire()) == [
        {
            "Res": "1",
            "Total": "2",
            "Plantillas": '{"1234567":"Customer welcome","1234568":"Shipping notice"}',
        }
    ]


def test_variables_look_as_in_the_document() -> None:
    assert written(variables_reply(DEFAULT_TEMPLATES[0], Wire()), Wire()) == [
        {
            "Res": "1",
            "Nombre": "Customer welcome",
            "Total": "2",
            "Variables": '[{"Nombre":"Destinatario","Tipo":"DESTINATARIO"},{"Nombre":"Importe","Tipo":"TEXTO"}]',
        }
    ]


@pytest.mark.parametrize(
    ("empty", "real", "string"),
    [(EmptyTemplates.ARRAY, [], "[]"), (EmptyTemplates.OBJECT, {}, "{}"), (EmptyTemplates.TEXT, "", "")],
)
def test_no_templates_are_written_as_chosen(empty: EmptyTemplates, real: Any, string: str) -> None:
    plain, document = (
        Wire(reply_shape=shape, empty_templates=empty) for shape in (ReplyShape.OBJECT, ReplyShape.DOCUMENT)
    )

    assert written(templates_reply((), plain), plain)["Plantillas"] == real
    assert written(templates_reply((), document), document)[0]["Plantillas"] == string


def test_refusal_tells_why() -> None:
    refusal = ParameterError("Falta parámetro obligatorio: Plantilla")

    assert written(refusal_reply(refusal), Wire()) == [{"Res": "-3", "Error": "Falta parámetro obligatorio: Plantilla"}]


def test_credit_is_told() -> None:
    wire = Wire(reply_shape=ReplyShape.OBJECT)

    assert written(credit_reply(12), wire) == {"Res": 1, "Cred": 12}


def test_old_way_of_answering_is_not_json() -> None:
    assert write_old_reply(send_reply(OUTCOME, Wire())) == b"Res:1"
