"""Delivery reports as the service pushes them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import tzinfo
from functools import lru_cache
from urllib.parse import parse_qsl, unquote_to_bytes

import orjson

from airflow_provider_rcs.api.dates import SERVICE_TIMEZONE, read_report_date
from airflow_provider_rcs.api.errors import RcsReportError
from airflow_provider_rcs.api.models import Report
from airflow_provider_rcs.api.wire import lenient_json

_MAX_FORM_FIELDS = 100
_MAX_CACHED_NAMES = 1_000  # characters, together
_FIELDS = tuple(
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


def read_json_entries(body: bytes, charset: str = "utf-8") -> list[object]:
    """Return the entries of a JSON list, each of which should be a report; a body of another kind is the only entry.

    :param charset: the charset that the sender declares; a body that is not valid UTF-8 is read as Latin-1 instead.
    :raises RcsReportError: if the body is not JSON, or an empty list.
    """
    try:
        content = lenient_json.load_json(body, charset)
    except orjson.JSONDecodeError:
        raise RcsReportError("the body is not JSON") from None
    entries = content if isinstance(content, list) else [content]
    if not entries:
        raise RcsReportError("the list holds no report")
    return entries


def read_form_fields(body: bytes, charset: str = "utf-8") -> dict[str, str]:
    """Return the fields of a url-encoded form.

    :param charset: the charset that the sender declares; values that are not valid UTF-8 are read as Latin-1 instead.
    :raises RcsReportError: if the form cannot be read.
    """
    if charset == "utf-8" and not lenient_json.is_utf8(unquote_to_bytes(body)):
        charset = "latin-1"
    try:
        text = body.decode("utf-8" if charset == "utf-8" else "latin-1")
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FORM_FIELDS, encoding=charset))
    except ValueError:
        raise RcsReportError("the form cannot be read") from None


async def read_multipart_fields(body: bytes, content_type: str) -> dict[str, object]:
    """Return the fields of a multipart form.

    :param content_type: the header, with the boundary. Values that are not valid in its charset, or in UTF-8 if it has
        none, are read as Latin-1.
    :raises RcsReportError: if the form cannot be read, is cut off, or contains a file.
    """
    from starlette.datastructures import Headers
    from starlette.formparsers import MultiPartParser

    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    headers = Headers({"content-type": content_type})
    try:
        parser = MultiPartParser(headers, stream(), max_files=0, max_fields=_MAX_FORM_FIELDS, max_part_size=len(body))
        fields: dict[str, object] = dict(await parser.parse())
    # Which errors these are depends on the versions of Starlette and its parser, and on Python's codecs.
    except Exception:  # noqa: BLE001
        raise RcsReportError("the multipart form cannot be read") from None
    if not _has_closing_boundary(body, content_type):
        raise RcsReportError("the multipart form is cut off: it has no closing boundary")
    return fields


def _has_closing_boundary(body: bytes, content_type: str) -> bool:
    # The parser takes a form without it for whole, and leaves out the field that is cut off.
    from python_multipart.multipart import parse_options_header

    closing = b"--%b--" % parse_options_header(content_type)[1][b"boundary"]
    return body.startswith(closing) or b"\r\n" + closing in body


def read_report(fields: object, timezone: tzinfo = SERVICE_TIMEZONE) -> Report:
    """Read a report from its fields: nine are documented, with names in any case (sure); numbers may be text.

    :param timezone: the time zone of the date; Spain's is assumed.
    :raises RcsReportError: if the report has no status code, or neither a phone nor a message id.
    """
    if not isinstance(fields, dict):
        raise RcsReportError("a report is not an object")
    names = tuple(fields)
    # Longer ones are not cached: they could be as long as a whole request.
    of_fields = _cached_keys_of_fields if len("".join(names)) <= _MAX_CACHED_NAMES else _keys_of_fields
    keys, other_keys = of_fields(names)
    get = fields.get
    try:
        values = [
            value.strip() if isinstance(value := get(key), str) else lenient_json.text(value).strip() for key in keys
        ]
        extra = {name: lenient_json.text(fields[key]) for name, key in other_keys}
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
        phone=lenient_json.phone(phone),
        campaign_reference=campaign_reference,
        message_reference=message_reference,
        service=service,
        agent=agent,
        reported_at=read_report_date(date, timezone),
        reported_at_text=date,
        api_campaign_id=api_campaign_id,
        api_message_id=api_message_id,
        extra=extra,
    )


def _keys_of_fields(keys: tuple[str, ...]) -> tuple[tuple[str | None, ...], tuple[tuple[str, str], ...]]:
    """Return the keys of the documented fields, in their order, and (name, key) of every other field."""
    by_name: dict[str, str] = {str(key).lower(): key for key in keys}
    documented = tuple(by_name.pop(name, None) for name in _FIELDS)
    return documented, tuple(by_name.items())


# The same sender writes the same fields every time.
_cached_keys_of_fields = lru_cache(maxsize=64)(_keys_of_fields)
