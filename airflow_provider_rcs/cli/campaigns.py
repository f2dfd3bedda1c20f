"""``airflow-rcs campaigns``: where the campaigns of the store stand."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow_provider_rcs.cli.store_option import add_store_option, store_of

if TYPE_CHECKING:
    import sqlalchemy as sa

    from airflow_provider_rcs.store.inbox.silence import ReportHealth
    from airflow_provider_rcs.store.read.funnel import Funnel


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add_store_option(parser)


def run(arguments: argparse.Namespace) -> None:
    """Print a line for each campaign, after folding the reports that have come.

    A campaign that should have had reports and has none is marked, because it may be that nobody takes them. Those that
    wait for their date in the store, and those that were cancelled, are told below.
    """
    from airflow_provider_rcs.api.statuses import DeliveryStatus, MessageState
    from airflow_provider_rcs.cli.tables import aligned
    from airflow_provider_rcs.store.db.migrate import require_migrated
    from airflow_provider_rcs.store.inbox.folding import fold
    from airflow_provider_rcs.store.inbox.silence import read_report_health
    from airflow_provider_rcs.store.read.exports import campaigns
    from airflow_provider_rcs.store.read.funnel import read_funnel

    engine = store_of(arguments)
    require_migrated(engine)
    fold(engine)
    # First, so that none is begun between that the others do not know.
    known = campaigns(engine)
    reporting = read_report_health(engine, datetime.now(UTC))
    rows = []
    for campaign in known:
        funnel = read_funnel(engine, campaign["name"])
        if funnel is not None:
            rows.append(
                [
                    campaign["name"],
                    f"{campaign['created_at']:%Y-%m-%d %H:%M}",
                    funnel.requested,
                    funnel.states[MessageState.ACCEPTED],
                    funnel.states[MessageState.REJECTED],
                    funnel.states[MessageState.IN_DOUBT],
                    funnel.states[MessageState.PLANNED] + funnel.states[MessageState.SENDING],
                    funnel.delivered,
                    _by_channel(funnel),
                    funnel.statuses[DeliveryStatus.FAILED],
                    funnel.unreported,
                    _last_report(reporting[campaign["name"]]),
                ]
            )
    headings = ["campaign", "begun (UTC)", "requested", "accepted", "rejected", "in doubt", "to send", "delivered"]
    print(aligned([*headings, "by channel", "failed", "no report yet", "last report (UTC)"], rows))
    for line in (*_told_of_scheduled(engine), *_told_of_cancelled(engine)):
        print(f"\n{line}")
    if any(each.is_overdue for each in reporting.values()):
        print(
            "\nNONE: reports are overdue. Does the receiver run, and does the panel of the account name its address, "
            "login and password?"
        )


def _told_of_scheduled(engine: sa.Engine) -> Iterator[str]:
    from airflow_provider_rcs.store.campaign.schedules import scheduled_campaigns

    for scheduled in scheduled_campaigns(engine):
        yield f"{scheduled.campaign.name}: kept in the store, due {scheduled.due_at:%Y-%m-%d %H:%M} UTC"


def _told_of_cancelled(engine: sa.Engine) -> Iterator[str]:
    from airflow_provider_rcs.store.campaign.cancellations import read_cancellations

    for name, word in read_cancellations(engine).items():
        yield f"{name}: cancelled by {word.decided_by}, {word.decided_at:%Y-%m-%d %H:%M} UTC: {word.reason}"


def _by_channel(funnel: Funnel) -> str:
    counts = funnel.delivered_by_channel
    return ", ".join(f"{channel or '(no name)'} {counts[channel]:,}" for channel in sorted(counts)) or "-"


def _last_report(reporting: ReportHealth) -> str:
    if reporting.is_overdue:
        return "NONE"
    return f"{reporting.last_report_at:%Y-%m-%d %H:%M}" if reporting.last_report_at else "-"
