"""The body of a pushed request: received within limits of size and time, read by its content type."""

from __future__ import annotations

import asyncio
import codecs
import logging
from email.message import Message
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from airflow_provider_rcs.api.dates import SERVICE_TIMEZONE
from airflow_provider_rcs.api.errors import RcsReportError
from airflow_provider_rcs.api.wire.reports import (
    read_form_fields,
    read_json_entries,
    read_multipart_fields,
    read_report,
)
from airflow_provider_rcs.receiver.responses import (
    BODY_TOO_LARGE,
    BODY_TOO_SLOW,
    UNSUPPORTED_TYPE,
    RequestRefusedError,
)
from airflow_provider_rcs.store.db import tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import tzinfo

    from starlette.types import Receive

    from airflow_provider_rcs.api.models import Report

log = logging.getLogger(__name__)

_MAX_BODY_BYTES = 64 * 1024
BODY_TIMEOUT = 10.0
_MAX_STATUS_CODE_LENGTH: int = tables.report.c.status_code.type.length  # type: ignore[attr-defined]
_LATIN_CHARSETS = ("iso8859-1", "iso8859-15", "cp1252")


class ClientDisconnectedError(Exception):
    """The client disconnected before its body was complete, so no response can be sent."""


class ParsedBody(NamedTuple):  # created by the million
    """The result of reading a body.

    :param reports: the reports that were understood.
    :param problem: what is wrong with the rest, without quoting it; empty if nothing is.
    """

    reports: Sequence[Report]
    problem: str = ""


async def read_body(headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
    """Return the body of a request.

    :param headers: the request's headers, with names in lower case.
    :raises RequestRefusedError: if the body is too large, or not received in time.
    :raises ClientDisconnectedError: if the client disconnects before its end.
    """
    content_length = headers.get(b"content-length", b"")
    if content_length.isdigit() and int(content_length) > _MAX_BODY_BYTES:
        raise RequestRefusedError(BODY_TOO_LARGE)
    body = b""
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnectedError
                piece: bytes = message.get("body", b"")
                body += piece  # Most bodies are one piece, and adding it to an empty body copies nothing.
                # A chunked body has no Content-Length.
                if len(body) > _MAX_BODY_BYTES:
                    raise RequestRefusedError(BODY_TOO_LARGE)
                if not message.get("more_body", False):
                    return body
    except TimeoutError:
        raise RequestRefusedError(BODY_TOO_SLOW) from None


async def read_reports(content_type: str, body: bytes, timezone: tzinfo = SERVICE_TIMEZONE) -> ParsedBody:
    """Return the reports of a body that can be understood, and what is wrong with the first of the others.

    :param timezone: the time zone of their dates.
    """
    try:
        entries = await _read_entries(content_type, body)
    except Exception as error:  # noqa: BLE001 - a body that no parser expected is kept as well
        return ParsedBody((), _problem(error))
    reports = []
    problem = ""
    for number, entry in enumerate(entries, start=1):
        try:
            report = read_report(entry, timezone)
            _require_storable(report)
            reports.append(report)
        except Exception as error:  # noqa: BLE001 - one report must not cost the others
            what = _problem(error)
            problem = problem or (what if len(entries) == 1 else f"report {number} of {len(entries)}: {what}")
    return ParsedBody(reports, problem)


async def _read_entries(content_type: str, body: bytes) -> Sequence[object]:
    """Return what should be the reports of a body.

    :raises RcsReportError: if it cannot be read.
    """
    match _media_type(content_type):
        case "application/json":
            return read_json_entries(body, _charset(content_type))
        case "application/x-www-form-urlencoded":
            return [read_form_fields(body, _charset(content_type))]
        case "multipart/form-data":
            return [await read_multipart_fields(body, content_type)]
    raise RcsReportError(UNSUPPORTED_TYPE)


def _problem(error: Exception) -> str:
    """Return what is wrong with a body or a report, without quoting it."""
    if isinstance(error, RcsReportError):
        return str(error)
    log.error("A pushed body could not be read, which is a fault of this provider: %s", type(error).__name__)
    return "it cannot be read"


@lru_cache(maxsize=64)
def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


@lru_cache(maxsize=64)
def _charset(content_type: str) -> str:
    """Return the charset that the header names if it is a Latin one; UTF-8 otherwise."""
    if "charset" not in content_type.lower():
        return "utf-8"
    header = Message()
    header["content-type"] = content_type
    try:
        name = codecs.lookup(header.get_content_charset("utf-8")).name
    # A name that is unknown, or that no codec could have.
    except (LookupError, ValueError):
        return "utf-8"
    return name if name in _LATIN_CHARSETS else "utf-8"


def _require_storable(report: Report) -> None:
    """Raise an error if PostgreSQL cannot store a report: in the store it would fail all reports of its commit.

    :raises RcsReportError: if the report cannot be stored.
    """
    if len(report.status_code) > _MAX_STATUS_CODE_LENGTH:
        raise RcsReportError(f"a status code is longer than {_MAX_STATUS_CODE_LENGTH} characters")
    parts = (*report, *report.extra, *report.extra.values())
    text = "".join([part for part in parts if isinstance(part, str)])
    if "\0" in text:
        raise RcsReportError("a report holds a NUL character")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise RcsReportError("a report holds text that is not Unicode") from None
