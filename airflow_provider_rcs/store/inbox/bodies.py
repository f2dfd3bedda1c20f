"""What lands of a push: read from its body, or from a line of the spool."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any

import orjson

from airflow_provider_rcs.api.accounts import ANOTHER_WAY, ReportsConnection
from airflow_provider_rcs.api.dates import SERVICE_TIMEZONE
from airflow_provider_rcs.api.models import InboundMessage, Report
from airflow_provider_rcs.api.wire.reports import read_body
from airflow_provider_rcs.store.db import inbox_tables
from airflow_provider_rcs.store.inbox.landing import ReceivedReports, RefusedReport

_MAX_STATUS_CODE_LENGTH: int = inbox_tables.report.c.status_code.type.length  # type: ignore[attr-defined]


def received(
    content_type: str,
    body: bytes,
    received_at: datetime,
    timezone: tzinfo = SERVICE_TIMEZONE,
    let_in_by: ReportsConnection = ANOTHER_WAY,
) -> ReceivedReports:
    """Return what lands of a body: what can be understood of it, and the whole body if something cannot.

    What no database can store counts as not understood: it would fail everything else of its commit.

    :param content_type: the header, which may be empty or wrong.
    :param body: the body, byte for byte.
    :param received_at: when it arrived.
    :param timezone: the time zone of dates without an offset; Spain's is assumed.
    :param let_in_by: the connection whose login and password came with it.
    """
    reports, inbound, problem = read_body(content_type, body, timezone)
    unstorable = [*map(_problem_of_storing, reports), *map(_problem_of_storing, inbound)]
    if any(unstorable):
        problem = problem or next(filter(None, unstorable))
        reports = [each for each in reports if not _problem_of_storing(each)]
        inbound = [each for each in inbound if not _problem_of_storing(each)]
    refused = (RefusedReport(problem, content_type, body),) if problem else ()
    return ReceivedReports(received_at, reports, refused, inbound, let_in_by)


def write_line(pushed: ReceivedReports) -> bytes:
    """Return a push as a line of JSON, including the line's end."""
    # Each byte as a character: unlike in Base64, a phone in it can still be found when a person is erased.
    refused = [[each.reason, each.content_type, each.body.decode("latin-1")] for each in pushed.refused]
    reports = [each._asdict() for each in pushed.reports]
    inbound = [each._asdict() for each in pushed.inbound]
    content = {
        "received_at": pushed.received_at,
        "let_in_by": tuple(pushed.let_in_by),
        "reports": reports,
        "refused": refused,
        "inbound": inbound,
    }
    return orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE)


def read_line(line: bytes) -> ReceivedReports | None:
    """Return the push that a line holds, or ``None`` if the line cannot be read."""
    try:
        content: dict[str, Any] = orjson.loads(line)
        return ReceivedReports(
            received_at=datetime.fromisoformat(content["received_at"]),
            reports=[_read_report(fields) for fields in content["reports"]],
            refused=[_read_refused(*each) for each in content["refused"]],
            # Lines of earlier versions have neither.
            inbound=[_read_inbound(fields) for fields in content.get("inbound", ())],
            let_in_by=ReportsConnection(*content.get("let_in_by", ())),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _problem_of_storing(pushed: Report | InboundMessage) -> str:
    """Return why PostgreSQL cannot store a report or a message; empty if it can."""
    if isinstance(pushed, Report) and len(pushed.status_code) > _MAX_STATUS_CODE_LENGTH:
        return f"a status code is longer than {_MAX_STATUS_CODE_LENGTH} characters"
    parts: Sequence[object] = (*pushed, *pushed.extra, *pushed.extra.values())
    text = "".join([part for part in parts if isinstance(part, str)])
    if "\0" in text:
        return "a report holds a NUL character"
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "a report holds text that is not Unicode"
    return ""


def _read_refused(reason: str, content_type: str, body: str) -> RefusedReport:
    return RefusedReport(reason, content_type, body.encode("latin-1"))


def _read_report(fields: dict[str, Any]) -> Report:
    return Report(**fields | {"reported_at": _read_date(fields["reported_at"])})


def _read_inbound(fields: dict[str, Any]) -> InboundMessage:
    return InboundMessage(**fields | {"sent_at": _read_date(fields["sent_at"])})


def _read_date(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
