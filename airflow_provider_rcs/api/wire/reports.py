"""Delivery reports as the service pushes them."""

from __future__ import annotations

from datetime import tzinfo
from functools import lru_cache
from urllib.parse import parse_qsl

import orjson

from airflow_provider_rcs.api import dates
from airflow_provider_rcs.api.errors import (
    RcsReportError,
)
from airflow_provider_rcs.api.models import (
    Report,
)
from airflow_provider_rcs.api.wire import lenient_json as shapes


def read_json_reports(body: bytes, timezone: tzinfo = dates.SERVICE_TIMEZONE) -> list[Report]:
    """Read pushed reports from a JSON object, or a list of them.

    :param timezone: whose clock the dates are by.
    :raises RcsReportError: if the body is not such JSON, or one of the reports cannot be understood.
    """
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise RcsReportError("the body is not JSON") from None
    entries = content if isinstance(content, list) else [content]
    if not entries:
        raise RcsReportError("the list holds no report")
    return [read_report(entry, timezone) for entry in entries]


def read_form_report(body: bytes, timezone: tzinfo = dates.SERVICE_TIMEZONE) -> Report:
    """Read a pushed report from a url-encoded form.

    :param timezone: whose clock the date is by.
    :raises RcsReportError: if the report cannot be understood.
    """
    try:
        fields = dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=100))
    except ValueError:
        raise RcsReportError("the form cannot be read as UTF-8") from None
    return read_report(fields, timezone)


def read_report(fields: object, timezone: tzinfo = dates.SERVICE_TIMEZONE) -> Report:
    """Read a pushed report from its fields, whose names may be in any case and whose numbers may be text.

    :param timezone: whose clock the date is by; that it is Spain's is assumed.
    :raises RcsReportError: if there is no status code, or nothing that says which message it is about.
    """
    if not isinstance(fields, dict):
        raise RcsReportError("a report is not an object")
    known, others = _report_keys(tuple(fields))
    get = fields.get
    try:
        values = [value.strip() if isinstance(value := get(key), str) else shapes.text(value).strip() for key in known]
        extra = {name: shapes.text(fields[key]) for name, key in others}
    except ValueError as error:
        raise RcsReportError(str(error)) from None
    service, status_code, agent, phone, campaign_reference, message_reference, date, api_campaign_id, api_message_id = (
        values
    )
    if not status_code:
        raise RcsReportError("a report has no status (Estado)")
    if not (phone or api_message_id):
        raise RcsReportError("a report names no message: neither recipient (Destinatario) nor id (idMensaje)")
    return Report(
        status_code=status_code,
        phone=shapes.digits(phone),
        campaign_reference=campaign_reference,
        message_reference=message_reference,
        service=service,
        agent=agent,
        reported_at=dates.read_report_date(date, timezone),
        reported_at_text=date,
        api_campaign_id=api_campaign_id,
        api_message_id=api_message_id,
        extra=extra,
    )


@lru_cache(maxsize=64)  # Whoever pushes writes the same fields each time.
def _report_keys(keys: tuple[str, ...]) -> tuple[tuple[str | None, ...], tuple[tuple[str, str], ...]]:
    """Return which keys hold the fields that the document names, in their order, and name and key of each other one."""
    by_name: dict[str, str] = {str(key).lower(): key for key in keys}
    known = tuple(by_name.pop(name, None) for name in _REPORT_FIELDS)
    return known, tuple(by_name.items())


_REPORT_FIELDS = tuple(
    name.lower()
    for name in (
        "Servicio",
        "Estado",
        "Agente",
        "Destinatario",
        "RefCampaign",
        "RefMensaje",
        "Fecha",
        "idCampaign",
        "idMensaje",
    )
)
