"""A line of the spool: what one request brought, as JSON."""

from __future__ import annotations

from base64 import b64decode, b64encode
from datetime import datetime
from typing import Any

import orjson

from airflow_provider_rcs.api.models import Report
from airflow_provider_rcs.store.inbox.landing import ReceivedReports, RefusedReport


def write_line(arrivals: ReceivedReports) -> bytes:
    """Return the line, its end included."""
    refused = [[each.reason, each.content_type, b64encode(each.body).decode("ascii")] for each in arrivals.refused]
    reports = [each._asdict() for each in arrivals.reports]
    content = {"received_at": arrivals.received_at, "reports": reports, "refused": refused}
    return orjson.dumps(content, option=orjson.OPT_APPEND_NEWLINE)


def read_line(line: bytes) -> ReceivedReports | None:
    """Return what a line holds, or ``None`` if it is torn: then nobody was told that it is safe."""
    try:
        content: dict[str, Any] = orjson.loads(line)
        return ReceivedReports(
            received_at=datetime.fromisoformat(content["received_at"]),
            reports=[_read_report(fields) for fields in content["reports"]],
            refused=[RefusedReport(reason, kind, b64decode(body)) for reason, kind, body in content["refused"]],
        )
    except (ValueError, TypeError, KeyError):
        return None


def _read_report(fields: dict[str, Any]) -> Report:
    moment = fields.pop("reported_at")
    return Report(**fields, reported_at=None if moment is None else datetime.fromisoformat(moment))
