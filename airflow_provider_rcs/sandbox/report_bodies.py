"""Reports, written in each of the formats in which the service pushes them."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import orjson

from airflow_provider_rcs.sandbox.options import ReportFormat

if TYPE_CHECKING:
    from airflow_provider_rcs.sandbox.model import AcceptedMessage, AcceptedSend

_SPAIN = ZoneInfo("Europe/Madrid")
_BOUNDARY = secrets.token_hex(16)


def report_fields(
    send: AcceptedSend, message: AcceptedMessage, code: int, second: int, service: str = "RCS"
) -> dict[str, str]:
    """Fill the document's nine fields, strings all of them, as in its example.

    :param second: seconds from the acceptance to the date in the report.
    :param service: the service that reports.
    """
    date = (send.accepted_at + timedelta(seconds=second)).astimezone(_SPAIN)
    return {
        "Servicio": service,
        "Estado": str(code),
        "Agente": send.agent,
        "Destinatario": message.phone,
        "RefCampaign": send.campaign_reference,
        "RefMensaje": message.reference,
        "Fecha": f"{date:%Y-%m-%d %H:%M:%S}",
        "idCampaign": str(send.send_id),
        "idMensaje": str(message.message_id),
    }


def report_body(fields: dict[str, str], report_format: ReportFormat) -> tuple[bytes, str]:
    """Write a report's body; the second of the two is its content type."""
    if report_format is ReportFormat.JSON:
        return orjson.dumps(fields), "application/json"
    if report_format is ReportFormat.FORM:
        return urlencode(fields).encode(), "application/x-www-form-urlencoded"
    parts = (
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    return f"{''.join(parts)}--{_BOUNDARY}--\r\n".encode(), f"multipart/form-data; boundary={_BOUNDARY}"
