"""The fields of reports and of replies, under the names of each service."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from airflow_provider_rcs.sandbox.options import FallbackFormat, ReportFormat

if TYPE_CHECKING:
    from datetime import datetime

    from airflow_provider_rcs.sandbox.model import AcceptedMessage, AcceptedSend
    from airflow_provider_rcs.sandbox.options import ReportOptions
    from airflow_provider_rcs.sandbox.pushes.inbound import InboundReply
    from airflow_provider_rcs.sandbox.pushes.reports import PlannedReport

Fields = dict[str, str]

_SPAIN = ZoneInfo("Europe/Madrid")


class ReportOfMessage(NamedTuple):
    """One report with the message that it is about."""

    send: AcceptedSend
    message: AcceptedMessage
    planned: PlannedReport

    @property
    def pause(self) -> float:
        return self.planned.pause

    @property
    def date(self) -> datetime:
        """The date in the report, in Spain's time."""
        return (self.send.accepted_at + timedelta(seconds=self.planned.second)).astimezone(_SPAIN)


def report_fields(report: ReportOfMessage, options: ReportOptions) -> Fields:
    """Return the fields of a report, all strings."""
    code = str(options.codes[report.planned.status])
    if not report.planned.fallback:
        return _rcs_fields(report, code, "RCS")
    match options.fallback_format:
        case FallbackFormat.RCS:
            return _rcs_fields(report, code, options.fallback_service or "SMS")
        case FallbackFormat.SMS_7:
            return _sms_7_fields(report, code, options.fallback_service or "SMSMASIVO")
        case FallbackFormat.SMS_58:
            return _sms_58_fields(report, code)


def reply_fields(reply: InboundReply) -> Fields:
    """Return the fields of a person's reply, all strings.

    That ``Movil`` is the person's phone and ``Remitente`` the sender who is answered is assumed.
    """
    date = reply.received_at.astimezone(_SPAIN)
    return {
        "Servicio": "SMSRECIBIDO",
        "timestamp": str(int(date.timestamp())),
        "Fecha": f"{date:%Y-%m-%d %H:%M:%S}",
        "Movil": reply.phone,
        "Remitente": reply.sender,
        "Mensaje": reply.text,
        "idR": str(reply.reply_id),
        "idM": reply.message_id,
        "Referencia": reply.reference,
    }


def usual_format(push: ReportOfMessage | InboundReply, options: ReportOptions) -> ReportFormat:
    """Return the form in which the service pushes it unless the panel says otherwise."""
    of_old_sms = (
        isinstance(push, ReportOfMessage) and push.planned.fallback and options.fallback_format is FallbackFormat.SMS_58
    )
    return ReportFormat.FORM if of_old_sms else ReportFormat.JSON


def _rcs_fields(report: ReportOfMessage, code: str, service: str) -> Fields:
    send, message, _ = report
    return {
        "Servicio": service,
        "Estado": code,
        "Agente": send.agent,
        "Destinatario": message.phone,
        "RefCampaign": send.campaign_reference,
        "RefMensaje": message.reference,
        "Fecha": f"{report.date:%Y-%m-%d %H:%M:%S}",
        "idCampaign": str(send.send_id),
        "idMensaje": str(message.message_id),
    }


def _sms_7_fields(report: ReportOfMessage, code: str, service: str) -> Fields:
    return {
        "Servicio": service,
        "Resultado": code,
        "Movil": report.message.phone,
        "idMensaje": str(report.message.message_id),
    }


def _sms_58_fields(report: ReportOfMessage, code: str) -> Fields:
    return {
        "Resultado": code,
        "Movil": report.message.phone,
        "Referencia": report.message.reference,
        "idEnvio": str(report.send.send_id),
        "Fecha": f"{report.date:%Y%m%d%H%M%S}",
        "Remitente": report.send.agent,
        "Segundos": str(report.planned.second),
    }
