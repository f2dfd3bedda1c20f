"""Delivery reports, and messages of people, as the service pushes them."""

from __future__ import annotations

import logging
from datetime import tzinfo

from airflow_provider_rcs.api.dates import SERVICE_TIMEZONE
from airflow_provider_rcs.api.errors import RcsReportError
from airflow_provider_rcs.api.models import InboundMessage, ParsedBody, Report
from airflow_provider_rcs.api.wire.report_fields import read_entry
from airflow_provider_rcs.api.wire.report_formats import read_entries

log = logging.getLogger(__name__)


def read_body(content_type: str, body: bytes, timezone: tzinfo = SERVICE_TIMEZONE) -> ParsedBody:
    """Return the reports and messages of a body that can be understood, and what is wrong with the first of the others.

    Nothing is raised, whatever the body holds. It may be JSON (an object, a list, or either of them in a field
    ``data``) or a form, compressed or not, whatever its headers claim.

    :param content_type: the header, which may be empty or wrong.
    :param body: the body, byte for byte.
    :param timezone: the time zone of dates without an offset; Spain's is assumed.
    """
    try:
        entries = read_entries(content_type, body)
    except Exception as error:  # noqa: BLE001 - a body that no parser expected is kept as well
        return ParsedBody(problem=_problem(error))
    reports: list[Report] = []
    inbound: list[InboundMessage] = []
    problem = ""
    for number, entry in enumerate(entries, start=1):
        try:
            read = read_entry(entry, timezone)
        except Exception as error:  # noqa: BLE001 - one report must not cost the others
            what = _problem(error)
            problem = problem or (what if len(entries) == 1 else f"report {number} of {len(entries)}: {what}")
        else:
            if isinstance(read, Report):
                reports.append(read)
            else:
                inbound.append(read)
    return ParsedBody(reports, inbound, problem)


def _problem(error: Exception) -> str:
    """Return what is wrong with a body or a report, without quoting it."""
    if isinstance(error, RcsReportError):
        return str(error)
    log.error("A pushed body could not be read, which is a fault of this provider: %s", type(error).__name__)
    return "it cannot be read"
