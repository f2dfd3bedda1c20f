"""The body of a pushed request: read up to a limit, and understood by its content type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_rcs.api.errors import RcsReportError
from airflow_provider_rcs.api.wire import read_form_report, read_json_reports, read_report
from airflow_provider_rcs.receiver.answers import TOO_LARGE, WRONG_TYPE, RefusedError, not_understood
from airflow_provider_rcs.store import tables

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from starlette.types import Receive

    from airflow_provider_rcs.api.models import Report

LARGEST_BODY = 64 * 1024
_MOST_FIELDS = 100
_LONGEST_STATUS_CODE: int = tables.report.c.status_code.type.length  # type: ignore[attr-defined]


class ClientGoneError(Exception):
    """The client hung up before its body was complete: there is nobody to answer."""


async def read_reports(headers: Mapping[bytes, bytes], receive: Receive) -> list[Report]:
    """Read the reports of a request.

    :param headers: the request's headers, their names in lower case.
    :raises RefusedError: if the body is too large, of another type, or cannot be understood.
    :raises ClientGoneError: if it does not come to its end.
    """
    content_type = headers.get(b"content-type", b"").decode("latin-1")
    reader = _READERS.get(content_type.partition(";")[0].strip().lower())
    if reader is None:
        raise RefusedError(WRONG_TYPE)
    body = await _read_body(headers.get(b"content-length", b""), receive)
    try:
        reports = await reader(content_type, body)
        for report in reports:
            _check_that_a_database_takes(report)
    except RcsReportError as error:
        raise RefusedError(not_understood(str(error))) from None
    return reports


async def _read_body(announced: bytes, receive: Receive) -> bytes:
    if announced.isdigit() and int(announced) > LARGEST_BODY:
        raise RefusedError(TOO_LARGE)
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        body += message.get("body", b"")
        # A body that comes in chunks announces no length.
        if len(body) > LARGEST_BODY:
            raise RefusedError(TOO_LARGE)
        if not message.get("more_body", False):
            return bytes(body)


async def _read_json(_content_type: str, body: bytes) -> list[Report]:
    try:
        return read_json_reports(body)
    except TypeError:
        raise RcsReportError("a field of a report is nested too deeply") from None


async def _read_form(_content_type: str, body: bytes) -> list[Report]:
    return [read_form_report(body)]


async def _read_multipart(content_type: str, body: bytes) -> list[Report]:
    from starlette.datastructures import Headers
    from starlette.formparsers import MultiPartException, MultiPartParser

    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    headers = Headers({"content-type": content_type})
    try:
        parser = MultiPartParser(headers, stream(), max_files=0, max_fields=_MOST_FIELDS, max_part_size=LARGEST_BODY)
        form = await parser.parse()
    except MultiPartException:
        raise RcsReportError("the multipart form cannot be read") from None
    return [read_report(dict(form))]


_READERS = {
    "application/json": _read_json,
    "application/x-www-form-urlencoded": _read_form,
    "multipart/form-data": _read_multipart,
}


def _check_that_a_database_takes(report: Report) -> None:
    """Refuse what PostgreSQL cannot keep: found only there, it would take the reports of others down with it.

    :raises RcsReportError: if it holds such a thing.
    """
    if len(report.status_code) > _LONGEST_STATUS_CODE:
        raise RcsReportError(f"a status code is longer than {_LONGEST_STATUS_CODE} characters")
    text = "".join(
        (
            report.status_code,
            report.phone,
            report.campaign_reference,
            report.message_reference,
            report.service,
            report.agent,
            report.reported_at_text,
            report.api_campaign_id,
            report.api_message_id,
            *report.extra,
            *report.extra.values(),
        )
    )
    if "\0" in text:
        raise RcsReportError("a report holds a NUL character")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise RcsReportError("a report holds text that is not Unicode") from None
