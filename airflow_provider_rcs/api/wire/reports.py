"""Delivery reports as the service pushes them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import tzinfo
from functools import lru_cache
from urllib.parse import parse_qsl, unquote_to_bytes

import orjson

from airflow_provider_rcs.api import dates
from airflow_provider_rcs.api.errors import (
    RcsReportError,
)
from airflow_provider_rcs.api.models import (
    Report,
)
from airflow_provider_rcs.api.wire import lenient_json as shapes

_MAX_FORM_FIELDS = 100


def read_json_entries(body: bytes, charset: str = "utf-8") -> list[object]:
    """Return the entries of a JSON body: each is to be a report. A body that is not a list is its only entry.

    :param charset: what the body is said to be encoded in; UTF-8 that is not valid is read as Latin-1.
    :raises RcsReportError: if the body is not JSON, or an empty list.
    """
    try:
        content = shapes.load_json(body, charset)
    except orjson.JSONDecodeError:
        raise RcsReportError("the body is not JSON") from None
    entries = content if isinstance(content, list) else [content]
    if not entries:
        raise RcsReportError("the list holds no report")
    return entries


def read_form_fields(body: bytes, charset: str = "utf-8") -> dict[str, str]:
    """Return the fields of a url-encoded form.

    :param charset: what its values are said to be encoded in; UTF-8 that is not valid is read as Latin-1.
    :raises RcsReportError: if the form cannot be read.
    """
    if charset == "utf-8" and not shapes.is_utf8(unquote_to_bytes(body)):
        charset = "latin-1"
    try:
        text = body.decode("utf-8" if charset == "utf-8" else "latin-1")
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FORM_FIELDS, encoding=charset))
    except ValueError:
        raise RcsReportError("the form cannot be read") from None


async def read_multipart_fields(body: bytes, content_type: str) -> dict[str, object]:
    """Return the fields of a multipart form.

    :param content_type: the header, which names the boundary. Values are read as Latin-1 where the charset that it
        names, or else UTF-8, fails.
    :raises RcsReportError: if the form cannot be read, or holds a file.
    """
    from starlette.datastructures import Headers
    from starlette.formparsers import MultiPartException, MultiPartParser

    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    headers = Headers({"content-type": content_type})
    try:
        parser = MultiPartParser(headers, stream(), max_files=0, max_fields=_MAX_FORM_FIELDS, max_part_size=len(body))
        return dict(await parser.parse())
    except MultiPartException:
        raise RcsReportError("the multipart form cannot be read") from None


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
