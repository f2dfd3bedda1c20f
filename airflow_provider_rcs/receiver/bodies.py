"""The body of a pushed request: read up to a limit in size and time, and understood by its content type."""

from __future__ import annotations

import asyncio
import codecs
from email.message import Message
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl, unquote_to_bytes

import orjson

from airflow_provider_rcs.api.dates import SERVICE_TIMEZONE
from airflow_provider_rcs.api.errors import RcsReportError
from airflow_provider_rcs.api.wire import read_form_report, read_json_reports, read_report
from airflow_provider_rcs.receiver.answers import TOO_LARGE, TOO_SLOW, WRONG_TYPE, RefusedError
from airflow_provider_rcs.receiver.deadlines import Deadlines
from airflow_provider_rcs.store import tables

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence
    from datetime import tzinfo

    from starlette.types import Receive

    from airflow_provider_rcs.api.models import Report

LARGEST_BODY = 64 * 1024
SECONDS_FOR_A_BODY = 10.0
_MOST_FIELDS = 100
_LONGEST_STATUS_CODE: int = tables.report.c.status_code.type.length  # type: ignore[attr-defined]
_LATIN = ("iso8859-1", "iso8859-15", "cp1252")


class ClientGoneError(Exception):
    """The client hung up before its body was complete: there is nobody to answer."""


class Read(NamedTuple):  # made by the million
    """What was made of a body.

    :param reports: the reports that were understood.
    :param problem: what is wrong with the rest, without anything of it; empty if nothing is.
    """

    reports: Sequence[Report]
    problem: str = ""


def deadlines_of_bodies() -> Deadlines[asyncio.Task[Any]]:
    """Return the deadlines of all bodies that one application reads.

    One timer is for all, because each report passes here, and ``asyncio.timeout()`` takes several times as long.
    """
    return Deadlines(asyncio.Task.cancel)


async def read_body(headers: Mapping[bytes, bytes], receive: Receive, reading: Deadlines[asyncio.Task[Any]]) -> bytes:
    """Return the body of a request.

    :param headers: the request's headers, their names in lower case.
    :param reading: the deadlines of bodies.
    :raises RefusedError: if it is too large, or does not come in time.
    :raises ClientGoneError: if it does not come to its end.
    """
    announced = headers.get(b"content-length", b"")
    if announced.isdigit() and int(announced) > LARGEST_BODY:
        raise RefusedError(TOO_LARGE)
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("a body is read in a task")
    reading.begin(task, SECONDS_FOR_A_BODY)
    body = b""
    try:
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            piece: bytes = message.get("body", b"")
            body += piece  # Most bodies are one piece, and to add that to nothing copies nothing.
            # A body that comes in chunks announces no length.
            if len(body) > LARGEST_BODY:
                raise RefusedError(TOO_LARGE)
            if not message.get("more_body", False):
                return body
    except asyncio.CancelledError:
        if reading.end(task) or task.uncancel():
            raise  # Someone else wants it to end.
        raise RefusedError(TOO_SLOW) from None
    finally:
        reading.end(task)


async def read_reports(content_type: str, body: bytes, timezone: tzinfo = SERVICE_TIMEZONE) -> Read:
    """Read the reports of a body; where it is a list, those that can be understood.

    :param timezone: whose clock their dates are by.
    """
    media_type = _media_type(content_type)
    try:
        match media_type:
            case "application/json":
                reports = _read_json(content_type, body, timezone)
            case "application/x-www-form-urlencoded":
                reports = _read_form(content_type, body, timezone)
            case "multipart/form-data":
                reports = await _read_multipart(content_type, body, timezone)
            case _:
                return Read((), WRONG_TYPE)
        for report in reports:
            _check_that_a_database_takes(report)
    except RcsReportError as error:
        if media_type == "application/json":
            return _read_what_can_be(content_type, body, timezone)
        return Read((), str(error))
    return Read(reports)


def _read_json(content_type: str, body: bytes, timezone: tzinfo) -> list[Report]:
    # As it came, if it is meant to be UTF-8: the parser finds out whether it is.
    return read_json_reports(body if _charset(content_type) == "utf-8" else _in_utf8(content_type, body), timezone)


def _read_what_can_be(content_type: str, body: bytes, timezone: tzinfo) -> Read:
    """Read a JSON body again, report by report, because one of them was not understood."""
    try:
        content = orjson.loads(_in_utf8(content_type, body))
    except orjson.JSONDecodeError:
        return Read((), "the body is not JSON")
    entries = content if isinstance(content, list) else [content]
    if not entries:
        return Read((), "the list holds no report")
    reports = []
    problem = ""
    for number, entry in enumerate(entries, start=1):
        try:
            report = read_report(entry, timezone)
            _check_that_a_database_takes(report)
            reports.append(report)
        except RcsReportError as error:
            problem = problem or (str(error) if len(entries) == 1 else f"report {number} of {len(entries)}: {error}")
    return Read(reports, problem)


def _read_form(content_type: str, body: bytes, timezone: tzinfo) -> list[Report]:
    charset = _charset(content_type)
    if charset == "utf-8" and _is_utf8(unquote_to_bytes(body)):
        return [read_form_report(body, timezone)]
    charset = "latin-1" if charset == "utf-8" else charset
    try:
        pairs = parse_qsl(body.decode("latin-1"), keep_blank_values=True, max_num_fields=_MOST_FIELDS, encoding=charset)
    except ValueError:
        raise RcsReportError("the form cannot be read") from None
    return [read_report(dict(pairs), timezone)]


async def _read_multipart(content_type: str, body: bytes, timezone: tzinfo) -> list[Report]:
    from python_multipart.exceptions import MultipartParseError
    from starlette.datastructures import Headers
    from starlette.formparsers import MultiPartException, MultiPartParser

    async def stream() -> AsyncGenerator[bytes, None]:
        yield body

    headers = Headers({"content-type": content_type})
    try:
        # Reads Latin-1 where the charset that the header names fails, UTF-8 if it names none.
        parser = MultiPartParser(headers, stream(), max_files=0, max_fields=_MOST_FIELDS, max_part_size=LARGEST_BODY)
        form = await parser.parse()
    # Starlette passes on the errors of the parser that it uses; newer versions wrap them in their own.
    except (MultiPartException, MultipartParseError):
        raise RcsReportError("the multipart form cannot be read") from None
    return [read_report(dict(form), timezone)]


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
    except LookupError:
        return "utf-8"
    return name if name in _LATIN else "utf-8"


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _in_utf8(content_type: str, body: bytes) -> bytes:
    charset = _charset(content_type)
    if charset == "utf-8":
        return body.removeprefix(codecs.BOM_UTF8) if _is_utf8(body) else body.decode("latin-1").encode()
    return body.decode(charset, errors="replace").encode()


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
