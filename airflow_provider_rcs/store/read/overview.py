"""The campaigns of the store with their progress, and what a person should look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.counts import counted
from airflow_provider_rcs.api.statuses import DeliveryStatus, MessageState
from airflow_provider_rcs.api.tables import aligned
from airflow_provider_rcs.store.campaign.cancellations import Cancellation, read_cancellations
from airflow_provider_rcs.store.campaign.schedules import scheduled_campaigns
from airflow_provider_rcs.store.inbox.backlog import read_backlog
from airflow_provider_rcs.store.inbox.silence import ReportHealth, read_report_health
from airflow_provider_rcs.store.read.exports import campaigns
from airflow_provider_rcs.store.read.funnel import Funnel, read_all_funnels

REPORTS_OVERDUE = (
    "NONE: reports are overdue. Check that the receiver is running, and that the panel of the RCS account has its "
    "address, login and password."
)


@dataclass(frozen=True, slots=True)
class ListedCampaign:
    """How far a campaign is.

    :param health: whether its reports arrive.
    """

    name: str
    created_at: datetime
    funnel: Funnel
    health: ReportHealth

    def as_counts(self) -> dict[str, Any]:
        """Return the campaign's name and counts, without personal data."""
        states = self.funnel.states
        return {
            "campaign": self.name,
            "requested": self.funnel.requested,
            "accepted": states[MessageState.ACCEPTED],
            "rejected": states[MessageState.REJECTED],
            "in_doubt": states[MessageState.IN_DOUBT],
            "to_send": states[MessageState.PLANNED] + states[MessageState.SENDING],
            "delivered": self.funnel.delivered,
            "failed": self.funnel.statuses[DeliveryStatus.FAILED],
            "unreported": self.funnel.unreported,
        }


def read_progress(engine: sa.Engine) -> list[ListedCampaign]:
    """Return the progress of every campaign, the oldest first."""
    # Read first, so that the queries after it know every campaign in this list.
    listed = campaigns(engine)
    health = read_report_health(engine, datetime.now(UTC))
    funnels = read_all_funnels(engine)
    return [
        ListedCampaign(each["name"], each["created_at"], funnels[each["name"]], health[each["name"]]) for each in listed
    ]


def progress_table(progress: Sequence[ListedCampaign]) -> str:
    """Return a table for people with a line for each campaign."""
    rows = []
    for each in progress:
        counts = each.as_counts()
        rows.append(
            [
                each.name,
                f"{each.created_at:%Y-%m-%d %H:%M}",
                *(counts[name] for name in ("requested", "accepted", "rejected", "in_doubt", "to_send", "delivered")),
                _by_channel(each.funnel),
                counts["failed"],
                counts["unreported"],
                _last_report(each.health),
            ]
        )
    headings = ["campaign", "started (UTC)", "requested", "accepted", "rejected", "in doubt", "to send", "delivered"]
    return aligned([*headings, "by channel", "failed", "no report yet", "last report (UTC)"], rows)


def scheduled_lines(engine: sa.Engine) -> Iterator[str]:
    """Yield a line for each campaign that the store holds until its date."""
    for scheduled in scheduled_campaigns(engine):
        yield f"{scheduled.campaign.name}: scheduled in the store, due {scheduled.due_at:%Y-%m-%d %H:%M} UTC"


def cancelled_lines(engine: sa.Engine, describe: Callable[[Cancellation], str]) -> Iterator[str]:
    """Yield a line for each cancelled campaign.

    :param describe: returns what is shown of who cancelled it, and why.
    """
    for name, cancellation in read_cancellations(engine).items():
        yield f"{name}: {describe(cancellation)}"


def backlog_lines(engine: sa.Engine, list_refused: str) -> Iterator[str]:
    """Yield a line for each kind of report or reply that could not be applied.

    :param list_refused: what lists the bodies that could not be read.
    """
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
        yield f"{counted(backlog.refused, 'body', 'bodies')} could not be read. See: {list_refused}"


def _by_channel(funnel: Funnel) -> str:
    counts = funnel.delivered_by_channel
    return ", ".join(f"{channel or '(no name)'} {counts[channel]:,}" for channel in sorted(counts)) or "-"


def _last_report(health: ReportHealth) -> str:
    if health.is_overdue:
        return "NONE"
    return f"{health.last_report_at:%Y-%m-%d %H:%M}" if health.last_report_at else "-"
