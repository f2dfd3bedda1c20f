"""The send call: a request becomes a body, a reply becomes a result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from airflow_provider_rcs.api import dates
from airflow_provider_rcs.api.errors import (
    RcsOutcomeUnknown,
)
from airflow_provider_rcs.api.garbage import gc_paused
from airflow_provider_rcs.api.json_rows import (
    Pieces,
    VariableColumns,
    all_of,
    array_of_rows,
    as_json,
    between_quotes,
    rows_of,
)
from airflow_provider_rcs.api.models import (
    Recipients,
    SendRequest,
    SendResult,
)
from airflow_provider_rcs.api.wire import lenient_json as shapes
from airflow_provider_rcs.api.wire.calls import BODY_FORMATS, JSON_REPLY, refusal

DEFAULT_RECIPIENT_REFERENCE_KEY = "Referencia"  # assumed


NOTHING_SENT = "nothing_sent"  # assumed


ZERO_RESULTS = (NOTHING_SENT, "unknown")
"""What a result of 0 can prove of a send: that nobody was messaged, or nothing."""


def send_parameters(request: SendRequest, recipient_reference_key: str) -> dict[str, Any]:
    """Return the parameters of a send; optional ones that are not set are left out.

    :param request: what to send.
    :param recipient_reference_key: under which key a recipient's own reference goes (assumed: ``Referencia``).
    """
    parameters: dict[str, Any] = {
        "Plantilla": request.template_id,
        "Destinatarios": _write_recipients(Recipients.of(request.recipients), recipient_reference_key),
        "Referenciausuario": request.campaign_reference,
        "Report": "1" if request.request_reports else "0",
        **JSON_REPLY,
    }
    if request.agent:
        parameters["Agente"] = request.agent
    if request.send_at is not None:
        parameters["Fecha"] = dates.write_moment(request.send_at)
    if request.quiet_hours:
        parameters["Intervaloprohibido"] = [
            {
                "HoraInicio": f"{hours.start:%H:%M}",
                "HoraFin": f"{hours.end:%H:%M}",
                "Accion": str(hours.action),
            }
            for hours in request.quiet_hours
        ]
    return parameters


def send_body(request: SendRequest, recipient_reference_key: str, body_format: str) -> bytes:
    """Return the body of a send.

    :param request: what to send.
    :param recipient_reference_key: as :func:`send_parameters` takes it.
    :param body_format: one of :data:`BODY_FORMATS`.
    """
    return BODY_FORMATS[body_format].write(send_parameters(request, recipient_reference_key))


def read_send_reply(body: bytes, status: int = 200, zero_result: str = NOTHING_SENT) -> SendResult:
    """Read the reply to a send.

    :param body: the reply's body, in any of the shapes that API.md names.
    :param status: the HTTP status that came with it.
    :param zero_result: what a result of 0 proves, one of :data:`ZERO_RESULTS`.
    :raises RcsRefusedError: one of its kinds, where the reply proves that nobody was messaged.
    :raises RcsOutcomeUnknown: if the body cannot be read.
    """
    try:
        with gc_paused():
            reply = shapes.read_object(body)
            result = shapes.integer(reply["res"])
            if result > 0:
                return _read_send_result(reply, result)
    except (KeyError, TypeError, ValueError) as error:
        raise RcsOutcomeUnknown(
            f"the service's reply to a send cannot be read (HTTP {status}, {len(body)} bytes): "
            f"{type(error).__name__}. {RcsOutcomeUnknown.remedy}"
        ) from None
    if result == 0 and (not_sent := _not_sent_to(reply)):
        return SendResult(messages=0, rejected=not_sent)
    if result == 0 and zero_result != NOTHING_SENT:
        raise RcsOutcomeUnknown(f"the service's result of a send is 0. {RcsOutcomeUnknown.remedy}")
    raise refusal(result, reply, "Nothing of this request was sent")


def _write_recipients(recipients: Recipients, reference_key: str) -> orjson.Fragment:
    # As text, at a quarter of what it takes to make objects of them and to write these.
    pieces = [
        '{"Nombre":"',
        between_quotes(recipients.names),
        '","Telefono":"',
        between_quotes(recipients.phones),
        '"',
        *_pieces_of_references(recipients.references, reference_key),
        *_pieces_of_variables(recipients.variables, len(recipients)),
        "}",
    ]
    return orjson.Fragment(array_of_rows(pieces, len(recipients)).encode())


def _pieces_of_references(references: Sequence[str], key: str) -> Pieces:
    texts = between_quotes(references)
    before = f",{as_json(key)}:"
    if all(texts):
        return [f'{before}"', texts, '"']
    return [[f'{before}"{text}"' if text else "" for text in texts]]


def _pieces_of_variables(variables: VariableColumns, count: int) -> Pieces:
    pieces: list[str | Sequence[str]] = []
    for variable, values in variables.items():
        texts = all_of(values)
        if texts is None:
            return [[_variables_of(row) if row else "" for row in rows_of(variables, count)]]
        before = "," if pieces else ',"Variables":['
        pieces += [f'{before}{{"Nombre":{as_json(variable)},"Valor":"', between_quotes(texts), '"}']
    return [*pieces, "]"] if pieces else []


def _variables_of(row: Mapping[str, str]) -> str:
    written = [{"Nombre": variable, "Valor": value} for variable, value in row.items()]
    return f',"Variables":{as_json(written)}'


def _read_send_result(reply: Mapping[str, Any], messages: int) -> SendResult:
    sent, not_sent = shapes.entries(reply.get("enviados")), shapes.entries(reply.get("noenviados"))
    return SendResult(
        messages=messages,
        api_campaign_id=shapes.text(reply.get("idenvio")),
        accepted={shapes.digits(each["telefono"]): shapes.text(each.get("idmensaje")) for each in sent or ()},
        rejected=frozenset(shapes.digits(each["telefono"]) for each in not_sent or ()),
        accepted_count=shapes.count(reply.get("enviados")) if sent is None else 0,
        rejected_count=shapes.count(reply.get("noenviados")) if not_sent is None else 0,
        duplicates=shapes.count(reply.get("duplicados")),
    )


def _not_sent_to(reply: Mapping[str, Any]) -> frozenset[str]:
    """Return whom a reply of nothing done names; nobody, if that cannot be read."""
    try:
        return frozenset(shapes.digits(each["telefono"]) for each in shapes.entries(reply.get("noenviados")) or ())
    except (KeyError, TypeError, ValueError):
        return frozenset()
