"""A message with its reports, for the tests of what is pushed."""

from __future__ import annotations

from datetime import UTC, datetime

from airflow_provider_rcs.sandbox.model import AcceptedMessage, AcceptedSend
from airflow_provider_rcs.sandbox.options import SandboxStatus
from airflow_provider_rcs.sandbox.pushes.fields import ReportOfMessage
from airflow_provider_rcs.sandbox.pushes.reports import PlannedReport

MESSAGE = AcceptedMessage(33434444443, "34600000001", "Pedro", "36578294H", {})
SEND = AcceptedSend(
    request=1,
    send_id=10573758,
    template_id="1234567",
    agent="my-rcs-agent",
    campaign_reference="año & más=1",
    send_at="",
    quiet_hours=(),
    report=True,
    accepted_at=datetime(2020, 12, 3, 10, 14, 20, tzinfo=UTC),
    messages=[MESSAGE],
)


def delivered(*, fallback: bool = False, send: AcceptedSend = SEND) -> ReportOfMessage:
    return ReportOfMessage(send, MESSAGE, PlannedReport(SandboxStatus.DELIVERED, 4, 0, fallback))
