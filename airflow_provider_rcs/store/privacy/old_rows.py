"""What is old enough to be pruned, and what of it is deleted, blanked or kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.campaign.campaigns import CAMPAIGN_TOKEN_LENGTH
from airflow_provider_rcs.store.db.inbox_tables import inbound, report, report_refused
from airflow_provider_rcs.store.db.leases import is_alive_at
from airflow_provider_rcs.store.db.tables import attempt, campaign, message, request
from airflow_provider_rcs.store.privacy.pseudonyms import (
    ANONYMOUS_INBOUND,
    ANONYMOUS_REPORT,
    IDENTIFIES_RECIPIENT,
    INBOUND_IDENTIFIES_PERSON,
    IS_PSEUDONYMISED,
)

SETTLED = (MessageState.ACCEPTED, MessageState.REJECTED, MessageState.DUPLICATE, MessageState.SUPPRESSED)

# Such a report shows that the store was restored from an old backup and must not send, so it must stay.
_IS_OF_UNKNOWN_REQUEST = sa.and_(
    sa.func.substr(report.c.campaign_reference, CAMPAIGN_TOKEN_LENGTH + 1, 1) == "-",
    sa.exists().where(campaign.c.token == sa.func.substr(report.c.campaign_reference, 1, CAMPAIGN_TOKEN_LENGTH)),
    sa.not_(sa.exists().where(request.c.reference == report.c.campaign_reference)),
)


@dataclass(frozen=True, slots=True)
class RetentionLimit:
    """What counts as old.

    :param before: a message is old if it has not changed since this time, a report or a reply if it arrived before.
    :param campaign_id: the only campaign to prune; ``None`` for all, and for rows that belong to no campaign.
    """

    before: datetime
    campaign_id: int | None = None


class Retained(NamedTuple):
    """How the rows of a table are kept: reports, or messages of people.

    :param table: the table.
    :param is_deletable: whether a row is deleted.
    :param must_be_blanked: whether a row that is not deleted loses its personal data.
    :param anonymous: its values then.
    """

    table: sa.Table
    is_deletable: sa.ColumnElement[bool]
    must_be_blanked: sa.ColumnElement[bool]
    anonymous: Mapping[str, Any]


def retained_reports(limit: RetentionLimit, on_pruned_message: sa.ColumnElement[bool]) -> Retained:
    """Return how reports are kept.

    :param on_pruned_message: whether a report is on a pruned message.
    """
    is_old = sa.and_(report.c.fold.is_not(None), report.c.received_at < limit.before)
    is_unmatched = sa.and_(sa.literal(limit.campaign_id is None), is_old, report.c.message_id.is_(None))
    must_stay = sa.and_(is_unmatched, _IS_OF_UNKNOWN_REQUEST)
    return Retained(
        report,
        sa.and_(is_old, sa.or_(on_pruned_message, sa.and_(is_unmatched, sa.not_(_IS_OF_UNKNOWN_REQUEST)))),
        sa.and_(report.c.fold.is_not(None), IDENTIFIES_RECIPIENT, sa.or_(on_pruned_message, must_stay)),
        ANONYMOUS_REPORT,
    )


def retained_inbound(limit: RetentionLimit, on_pruned_message: sa.ColumnElement[bool]) -> Retained:
    """Return how messages of people are kept.

    :param on_pruned_message: whether it is a reply to a pruned message.
    """
    is_old = sa.and_(inbound.c.fold.is_not(None), inbound.c.received_at < limit.before)
    is_unmatched = sa.and_(sa.literal(limit.campaign_id is None), inbound.c.message_id.is_(None))
    # An opt-out that suppresses no phone must not be forgotten: a person has to find out whose it is.
    may_go = sa.not_(inbound.c.is_unapplied)
    return Retained(
        inbound,
        sa.and_(is_old, may_go, sa.or_(on_pruned_message, is_unmatched)),
        sa.and_(on_pruned_message, INBOUND_IDENTIFIES_PERSON),
        ANONYMOUS_INBOUND,
    )


def old_campaigns(limit: RetentionLimit) -> sa.Select[Any]:
    """Return the campaigns that may contain old rows: they were created, and due to be sent, before the limit."""
    is_selected = sa.true() if limit.campaign_id is None else campaign.c.id == limit.campaign_id
    was_due = sa.func.coalesce(campaign.c.send_at, campaign.c.created_at) < limit.before
    selected = sa.select(campaign.c.id).where(is_selected, campaign.c.created_at < limit.before, was_due)
    return selected.order_by(campaign.c.id)


def is_old_message(limit: RetentionLimit) -> sa.ColumnElement[bool]:
    """Return whether a message is not pruned yet, and has not changed since the limit."""
    return sa.and_(sa.not_(IS_PSEUDONYMISED), message.c.updated_at < limit.before)


def is_prunable_message(limit: RetentionLimit, now: datetime) -> sa.ColumnElement[bool]:
    """Return whether an old message may be pruned: it is settled, or nobody will send it."""
    is_abandoned = sa.and_(
        message.c.state == MessageState.PLANNED, sa.not_(has_live_attempt(message.c.campaign_id, now))
    )
    return sa.and_(is_old_message(limit), sa.or_(message.c.state.in_(SETTLED), is_abandoned))


def has_live_attempt(
    campaign_id: int | sa.ColumnElement[int], now: datetime | sa.ColumnElement[datetime]
) -> sa.ColumnElement[bool]:
    """Return whether an attempt at a campaign is alive."""
    return sa.exists().where(attempt.c.campaign_id == campaign_id, is_alive_at(now))


def is_old_refused(limit: RetentionLimit) -> sa.ColumnElement[bool]:
    """Return whether a refused body was last received before the limit."""
    return report_refused.c.last_received_at < limit.before


def is_on_any(limit: RetentionLimit, table: sa.Table, condition: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Return whether a row is on a message that meets a condition, in the campaigns to prune; to count all rows."""
    return sa.exists().where(message.c.id == table.c.message_id, _is_selected(limit), condition)


def is_on_pruned(limit: RetentionLimit, table: sa.Table) -> sa.ColumnElement[bool]:
    """Return the same for pruned messages, looked up row by row: for few rows, or those of a range."""
    # No EXISTS: for it, PostgreSQL may read all messages first.
    is_pruned = sa.select(sa.and_(_is_selected(limit), IS_PSEUDONYMISED)).where(message.c.id == table.c.message_id)
    return sa.type_coerce(is_pruned.scalar_subquery(), sa.Boolean()).is_(sa.true())


def _is_selected(limit: RetentionLimit) -> sa.ColumnElement[bool]:
    return sa.true() if limit.campaign_id is None else message.c.campaign_id == limit.campaign_id
