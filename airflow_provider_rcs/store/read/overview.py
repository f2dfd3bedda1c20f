"""The campaigns of the store with their progress, and what a person should look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.accounts import shown_account
from airflow_provider_rcs.api.counts import counted
from airflow_provider_rcs.api.statuses import DELIVERED_STATUSES, DeliveryStatus, MessageState
from airflow_provider_rcs.api.tables import Column, Row, table
from airflow_provider_rcs.store.campaign.campaigns import IS_NO_TEST
from airflow_provider_rcs.store.campaign.cancellations import Cancellation, read_cancellations
from airflow_provider_rcs.store.campaign.schedules import scheduled_campaigns
from airflow_provider_rcs.store.db.count_tables import campaign_count
from airflow_provider_rcs.store.db.engine import reading
from airflow_provider_rcs.store.db.tables import campaign
from airflow_provider_rcs.store.inbox.backlog import read_backlog
from airflow_provider_rcs.store.inbox.silence import ReportHealth, read_report_health

REPORTS_OVERDUE = (
    "NONE: reports are overdue. Check that the receiver is running, and that the panel of the RCS account has its "
    "address, login and password."
)


@dataclass(frozen=True, slots=True)
class ListedCampaign:
    """How far a campaign is.

    :param account: the account that sends it, for people.
    :param counts: its messages: requested, accepted, rejected, in doubt, to send, delivered, failed, unreported.
    :param delivered_by_channel: service -> delivered messages.
    :param health: whether its reports arrive.
    """

    name: str
    account: str
    created_at: datetime
    counts: Mapping[str, int]
    delivered_by_channel: Mapping[str, int]
    health: ReportHealth

    def as_counts(self) -> dict[str, Any]:
        """Return the campaign's name and counts, without personal data."""
        return {"campaign": self.name, "account": self.account, **self.counts}

    def as_row(self) -> dict[str, Any]:
        """Return all that is known of the campaign's progress, without personal data."""
        return {
            "campaign": self.name,
            "account": self.account,
            "created_at": self.created_at,
            **self.counts,
            "delivered_by_channel": self.delivered_by_channel,
            "last_report_at": self.health.last_report_at,
            "reports_overdue": self.health.is_overdue,
        }


def read_progress(engine: sa.Engine) -> list[ListedCampaign]:
    """Return the progress of every campaign that is no test, the oldest first."""
    # One row for each campaign, added up in the database: a store may have many thousands.
    counts = (
        sa.select(*_CAMPAIGN, *COUNTS)
        .outerjoin(campaign_count, campaign_count.c.campaign_id == campaign.c.id)
        .where(IS_NO_TEST)
        .group_by(*_CAMPAIGN)
        .order_by(campaign.c.id)
    )
    with reading(engine) as connection:
        rows = connection.execute(counts).all()
        channels = _read_channels(connection)
    names = [column.name for column in COUNTS]
    # Read last, so that it knows every campaign of the list.
    health = read_report_health(engine, datetime.now(UTC))
    listed = []
    for each, name, account, rcs_conn_id, created_at, *numbers in rows:
        named = dict(zip(names, map(int, numbers), strict=True))
        listed.append(
            ListedCampaign(
                name, shown_account(account, rcs_conn_id), created_at, named, channels.get(each, {}), health[name]
            )
        )
    return listed


def number_of(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    """Return the messages of a campaign for which a condition on ``rcs_campaign_count`` holds."""
    return sa.func.coalesce(sa.func.sum(campaign_count.c.messages).filter(condition), 0)


_STATE, _STATUS = campaign_count.c.state, campaign_count.c.delivery_status
_CAMPAIGN = (campaign.c.id, campaign.c.name, campaign.c.account, campaign.c.rcs_conn_id, campaign.c.created_at)
_IS_DELIVERED = _STATUS.in_(DELIVERED_STATUSES)
COUNTS = (
    sa.func.coalesce(sa.func.sum(campaign_count.c.messages + campaign_count.c.repeats), 0).label("requested"),
    number_of(_STATE == MessageState.ACCEPTED).label("accepted"),
    number_of(_STATE == MessageState.REJECTED).label("rejected"),
    number_of(_STATE == MessageState.IN_DOUBT).label("in_doubt"),
    number_of(_STATE.in_((MessageState.PLANNED, MessageState.SENDING))).label("to_send"),
    number_of(_IS_DELIVERED).label("delivered"),
    number_of(_STATUS == DeliveryStatus.FAILED).label("failed"),
    number_of(sa.and_(_STATE == MessageState.ACCEPTED, _STATUS == "")).label("unreported"),
)


def _read_channels(connection: sa.Connection) -> Mapping[int, Mapping[str, int]]:
    """Return which services delivered: campaign's id -> service -> delivered messages."""
    table = campaign_count.c
    delivered = (
        sa.select(table.campaign_id, table.delivery_channel, sa.func.sum(table.messages))
        .where(_IS_DELIVERED, table.messages != 0)
        .group_by(table.campaign_id, table.delivery_channel)
    )
    channels: dict[int, dict[str, int]] = {}
    for campaign_id, channel, messages in connection.execute(delivered):
        channels.setdefault(campaign_id, {})[channel] = int(messages)
    return channels


def progress_table(progress: Sequence[ListedCampaign]) -> str:
    """Return a table for people with a line for each campaign."""
    return table(PROGRESS_COLUMNS, [each.as_row() for each in progress])


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


def _by_channel(row: Row) -> str:
    counts = row["delivered_by_channel"]
    return ", ".join(f"{channel or '(no name)'} {counts[channel]:,}" for channel in sorted(counts))


def _last_report(row: Row) -> object:
    return "NONE" if row["reports_overdue"] else row["last_report_at"]


PROGRESS_COLUMNS = (
    Column("campaign", "campaign"),
    Column("account", "account"),
    Column("created_at", "started (UTC)"),
    Column("requested", "requested"),
    Column("accepted", "accepted"),
    Column("rejected", "rejected"),
    Column("in_doubt", "in doubt"),
    Column("to_send", "to send"),
    Column("delivered", "delivered"),
    Column("delivered_by_channel", "by channel", _by_channel),
    Column("failed", "failed"),
    Column("unreported", "no report yet"),
    Column("last_report_at", "last report (UTC)", _last_report),
)
