"""The body of a send request."""

from __future__ import annotations

from typing import Any

from airflow_provider_rcs.api import dates
from airflow_provider_rcs.api.models import Recipient, SendRequest
from airflow_provider_rcs.api.wire.calls import BODY_FORMATS, JSON_REPLY

DEFAULT_RECIPIENT_REFERENCE_KEY = "Referencia"  # assumed


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


def _write_recipient(recipient: Recipient, reference_key: str) -> dict[str, Any]:
    written: dict[str, Any] = {"Nombre": recipient.name, "Telefono": recipient.phone.removeprefix("+")}
    if recipient.reference:
        written[reference_key] = recipient.reference
    if recipient.variables:
        written["Variables"] = [{"Nombre": name, "Valor": value} for name, value in recipient.variables.items()]
    return written
