"""The send call: from a request to its body, from the reply to its result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow_provider_rcs.api import dates
from airflow_provider_rcs.api.errors import RcsOutcomeUnknown
from airflow_provider_rcs.api.models import Recipient, SendRequest, SendResult
from airflow_provider_rcs.api.wire import lenient_json
from airflow_provider_rcs.api.wire.calls import BODY_FORMATS, JSON_REPLY, refusal

DEFAULT_RECIPIENT_REFERENCE_KEY = "Referencia"  # assumed

NOTHING_SENT = "nothing_sent"  # assumed
ZERO_RESULTS = (NOTHING_SENT, "unknown")
"""What a ``Res`` of 0 may be set to prove about a send: that no message was sent, or nothing."""


def send_parameters(request: SendRequest, recipient_reference_key: str) -> dict[str, Any]:
    """Return the parameters of a send, without the optional ones that are not set.

    :param recipient_reference_key: the key of a recipient's own reference (assumed: ``Referencia``).
    """
    parameters: dict[str, Any] = {
        "Plantilla": request.template_id,
        "Destinatarios": [_write_recipient(each, recipient_reference_key) for each in request.recipients],
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
            for hours in (each.in_service_time(request.send_at) for each in request.quiet_hours)
        ]
    return parameters


def send_body(request: SendRequest, recipient_reference_key: str, body_format: str) -> bytes:
    """Return the body of a send.

    :param recipient_reference_key: as in :func:`send_parameters`.
    :param body_format: a key of :data:`BODY_FORMATS`.
    """
    return BODY_FORMATS[body_format].write(send_parameters(request, recipient_reference_key))


def read_send_reply(body: bytes, status: int = 200, zero_result: str = NOTHING_SENT) -> SendResult:
    """Read the reply to a send.

    A ``Res`` above 0 means that the service sent messages (public); a value below 0, that it sent none (-3 sure, others
    public). What the result proves about each recipient is decided by
    :func:`~airflow_provider_rcs.api.outcomes.outcomes_of_reply`.

    :param body: JSON in any of the forms that :mod:`~airflow_provider_rcs.api.wire.lenient_json` reads.
    :param status: the HTTP status of the reply.
    :param zero_result: what a ``Res`` of 0 proves, one of :data:`ZERO_RESULTS`.
    :raises RcsRefusedError: if the reply proves that no message was sent; a subclass says why.
    :raises RcsOutcomeUnknown: if the reply cannot be read, or if its ``Res`` of 0 proves nothing.
    """
    try:
        reply = lenient_json.read_object(body)
        result = lenient_json.integer(reply["res"])
        if result > 0:
            return _read_send_result(reply, result)
    except (KeyError, TypeError, ValueError) as error:
        raise RcsOutcomeUnknown(
            f"the service's reply to a send cannot be read (HTTP {status}, {len(body)} bytes): "
            f"{type(error).__name__}. {RcsOutcomeUnknown.remedy}"
        ) from None
    if result == 0 and (rejected := _rejected_phones(reply)):
        return SendResult(messages=0, rejected=rejected)
    if result == 0 and zero_result != NOTHING_SENT:
        raise RcsOutcomeUnknown(f"the service's reply to a send has a Res of 0. {RcsOutcomeUnknown.remedy}")
    raise refusal(result, reply, "Nothing of this request was sent")


def _write_recipient(recipient: Recipient, reference_key: str) -> dict[str, Any]:
    written: dict[str, Any] = {"Nombre": recipient.name, "Telefono": recipient.phone.removeprefix("+")}
    if recipient.reference:
        written[reference_key] = recipient.reference
    if recipient.variables:
        written["Variables"] = [{"Nombre": name, "Valor": value} for name, value in recipient.variables.items()]
    return written


def _read_send_result(reply: Mapping[str, Any], messages: int) -> SendResult:
    accepted, rejected = lenient_json.entries(reply.get("enviados")), lenient_json.entries(reply.get("noenviados"))
    return SendResult(
        messages=messages,
        api_campaign_id=lenient_json.text(reply.get("idenvio")),
        accepted={
            lenient_json.phone(each["telefono"]): lenient_json.text(each.get("idmensaje")) for each in accepted or ()
        },
        rejected=frozenset(lenient_json.phone(each["telefono"]) for each in rejected or ()),
        accepted_count=lenient_json.count(reply.get("enviados")) if accepted is None else 0,
        rejected_count=lenient_json.count(reply.get("noenviados")) if rejected is None else 0,
        duplicates=lenient_json.count(reply.get("duplicados")),
    )


def _rejected_phones(reply: Mapping[str, Any]) -> frozenset[str]:
    """Return the rejected phones that a reply with a ``Res`` of 0 names; none if they cannot be read."""
    try:
        return frozenset(
            lenient_json.phone(each["telefono"]) for each in lenient_json.entries(reply.get("noenviados")) or ()
        )
    except (KeyError, TypeError, ValueError):
        return frozenset()
