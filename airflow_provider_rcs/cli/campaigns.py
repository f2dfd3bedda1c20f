"""``airflow-rcs campaigns``: list the campaigns of the store with their progress."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow_provider_rcs.api.counts import counted
from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.cli.store_option import add_rcs_option, add_store_option, codes_of, migrated_store_of

if TYPE_CHECKING:
    import sqlalchemy as sa

    from airflow_provider_rcs.store.inbox.silence import ReportHealth
    from airflow_provider_rcs.store.read.funnel import Funnel


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add_rcs_option(parser)
    add_store_option(parser)


def run(arguments: argparse.Namespace) -> None:
    """Print a line for each campaign, after folding new reports.

    Campaigns whose reports are overdue are marked. Scheduled and cancelled campaigns are listed below the table, and so
    are campaigns that need a refold, and what of the reports and replies that arrived could not be applied.
    """
    from airflow_provider_rcs.api.statuses import DeliveryStatus, MessageState
    from airflow_provider_rcs.api.tables import aligned
    from airflow_provider_rcs.store.inbox.folding import fold_if_possible
    from airflow_provider_rcs.store.inbox.silence import read_report_health
    from airflow_provider_rcs.store.read.exports import campaigns
    from airflow_provider_rcs.store.read.funnel import read_funnel

    engine = migrated_store_of(arguments)
    fold_if_possible(engine)
    # Read first, so that the queries after it know every campaign in this list.
    listed = campaigns(engine)
    report_health = read_report_health(engine, datetime.now(UTC))
    rows = []
    for campaign in listed:
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
                    _last_report(report_health[campaign["name"]]),
                ]
            )
    headings = ["campaign", "started (UTC)", "requested", "accepted", "rejected", "in doubt", "to send", "delivered"]
    print(aligned([*headings, "by channel", "failed", "no report yet", "last report (UTC)"], rows))
    outdated = _outdated_lines(engine, arguments)
    for line in (*_scheduled_lines(engine), *_cancelled_lines(engine), *outdated, *_backlog_lines(engine)):
        print(f"\n{line}")
    if any(each.is_overdue for each in report_health.values()):
        print(
            "\nNONE: reports are overdue. Check that the receiver is running, and that the panel of the RCS account "
            "has its address, login and password."
        )


def _scheduled_lines(engine: sa.Engine) -> Iterator[str]:
    from airflow_provider_rcs.store.campaign.schedules import scheduled_campaigns

    for scheduled in scheduled_campaigns(engine):
        yield f"{scheduled.campaign.name}: scheduled in the store, due {scheduled.due_at:%Y-%m-%d %H:%M} UTC"


def _cancelled_lines(engine: sa.Engine) -> Iterator[str]:
    from airflow_provider_rcs.store.campaign.cancellations import read_cancellations

    for name, cancellation in read_cancellations(engine).items():
        decided_at = f"{cancellation.decided_at:%Y-%m-%d %H:%M}"
        yield f"{name}: cancelled by {cancellation.decided_by}, {decided_at} UTC: {cancellation.reason}"


def _outdated_lines(engine: sa.Engine, arguments: argparse.Namespace) -> Iterator[str]:
    from airflow_provider_rcs.store.inbox.folded_codes import outdated_campaigns

    try:
        codes = codes_of(arguments)
    except RcsInputError as error:
        yield f"Status codes are not compared with those of the connection. {error}"
        return
    for each in outdated_campaigns(engine, codes):
        yield each.warning


def _backlog_lines(engine: sa.Engine) -> Iterator[str]:
    from airflow_provider_rcs.store.inbox.backlog import read_backlog

    backlog = read_backlog(engine)
    if backlog.oldest is not None:
        unfolded = counted(backlog.unfolded, "delivery report is", "delivery reports are")
        yield (
            f"{unfolded} not folded yet; the first arrived {backlog.oldest:%Y-%m-%d %H:%M} UTC. "
            "If their number does not fall, see the receiver's log."
        )
    if backlog.set_aside:
        one, many = "delivery report could not be folded and is", "delivery reports could not be folded and are"
        yield (
            f"{counted(backlog.set_aside, one, many)} set aside. The reasons: "
            "SELECT id, fold_error FROM rcs_report WHERE fold_error IS NOT NULL"
        )
    if backlog.unapplied_opt_outs:
        yield (
            f"{counted(backlog.unapplied_opt_outs, 'person', 'people')} opted out by a reply that does not say "
            "which phone to suppress. Find out whose they are, and suppress them: "
            "SELECT * FROM rcs_inbound WHERE is_unapplied"
        )
    if backlog.refused:
        yield f"{counted(backlog.refused, 'body', 'bodies')} could not be read. See: airflow-rcs refused list"


def _by_channel(funnel: Funnel) -> str:
    counts = funnel.delivered_by_channel
    return ", ".join(f"{channel or '(no name)'} {counts[channel]:,}" for channel in sorted(counts)) or "-"


def _last_report(health: ReportHealth) -> str:
    if health.is_overdue:
        return "NONE"
    return f"{health.last_report_at:%Y-%m-%d %H:%M}" if health.last_report_at else "-"
