"""Cancellation of campaigns: a person decides that no more of a campaign is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsCancelledError, RcsInputError
from airflow_provider_rcs.api.masking import mask_phones_in_writing
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.campaign.campaigns import Campaign, lock_campaign
from airflow_provider_rcs.store.db.bulk import insert_or_ignore
from airflow_provider_rcs.store.db.count_tables import campaign_count
from airflow_provider_rcs.store.db.engine import reading, transaction
from airflow_provider_rcs.store.db.tables import campaign as campaigns
from airflow_provider_rcs.store.db.tables import cancellation as cancellations
from airflow_provider_rcs.store.db.tables import message, request

_HANDED_OVER = (MessageState.SENDING, MessageState.ACCEPTED, MessageState.IN_DOUBT)


@dataclass(frozen=True, slots=True)
class Cancellation:
    """The decision of a person to cancel a campaign.

    :param decided_by: who decided.
    :param reason: why; it is stored with each message that is not sent.
    :param decided_at: when.
    :raises RcsInputError: if ``decided_by`` or ``reason`` is empty.
    """

    decided_by: str
    reason: str
    decided_at: datetime

    def __post_init__(self) -> None:
        if not self.decided_by.strip():
            raise RcsInputError("by", "it is empty", "Name who decides; the ledger records it.")
        if not self.reason.strip():
            raise RcsInputError("reason", "it is empty", "Give a reason; the ledger records it.")


@dataclass(frozen=True, slots=True)
class CancellationResult:
    """The result of cancelling a campaign.

    :param cancellation: the valid cancellation: the first one of the campaign.
    :param not_sent: the number of messages that were suppressed by it.
    :param handed_over: the number of messages that the service has got, or is getting now; they cannot be recalled.
    """

    cancellation: Cancellation
    not_sent: int
    handed_over: int


def cancel(engine: sa.Engine, campaign: Campaign, cancellation: Cancellation) -> CancellationResult:
    """Cancel a campaign: suppress its messages that are not sent yet, and stop its attempts.

    Messages that are claimed for a request which was not dispatched are suppressed like planned ones. Cancelling a
    campaign a second time does not replace the first cancellation.
    """
    row = {
        "campaign_id": campaign.id,
        "decided_by": cancellation.decided_by,
        "reason": cancellation.reason,
        "decided_at": cancellation.decided_at,
    }
    not_dispatched = sa.select(request.c.id).where(request.c.campaign_id == campaign.id, request.c.state == "claimed")
    not_sent_yet = sa.or_(
        message.c.state == MessageState.PLANNED,
        sa.and_(message.c.state == MessageState.SENDING, message.c.request_id.in_(not_dispatched)),
    )
    with transaction(engine) as connection:
        revision = lock_campaign(connection, campaign.id)
        insert_or_ignore(connection, cancellations, [row], key=["campaign_id"])
        first = _read(connection, campaign.id) or cancellation
        not_sent = connection.execute(
            message.update()
            .where(message.c.campaign_id == campaign.id, not_sent_yet)
            .values(
                state=MessageState.SUPPRESSED,
                request_id=None,
                reason=_message_reason(first),
                revision=revision,
                updated_at=datetime.now(UTC),
            )
        ).rowcount
        handed_over = sa.select(sa.func.coalesce(sa.func.sum(campaign_count.c.messages), 0)).where(
            campaign_count.c.campaign_id == campaign.id, campaign_count.c.state.in_(_HANDED_OVER)
        )
        return CancellationResult(first, not_sent, int(connection.execute(handed_over).scalar_one()))


def require_not_cancelled(connection: sa.Connection, campaign: Campaign) -> None:
    """Check that the campaign is not cancelled. The answer stays valid only while the campaign is locked.

    :raises RcsCancelledError: if it is; the text names who cancelled it, when and why.
    """
    if cancellation := _read(connection, campaign.id):
        raise cancelled_error(campaign, cancellation)


def cancelled_error(campaign: Campaign, cancellation: Cancellation) -> RcsCancelledError:
    """Return the error of a campaign that is cancelled."""
    return RcsCancelledError(
        f"campaign {campaign.name!r} was cancelled by {cancellation.decided_by} on "
        f"{cancellation.decided_at:%Y-%m-%d %H:%M} UTC: {mask_phones_in_writing(cancellation.reason)}. "
        f"Nothing more is sent. {RcsCancelledError.remedy}"
    )


def cancellation_reason(connection: sa.Connection, campaign_id: int) -> str:
    """Return the reason to store with suppressed messages of a cancelled campaign; empty if it is not cancelled."""
    cancellation = _read(connection, campaign_id)
    return _message_reason(cancellation) if cancellation else ""


def read_cancellations(engine: sa.Engine) -> Mapping[str, Cancellation]:
    """Return the cancellations of all cancelled campaigns: campaign name -> cancellation."""
    cancelled = sa.select(campaigns.c.name, cancellations).join(
        campaigns, campaigns.c.id == cancellations.c.campaign_id
    )
    with reading(engine) as connection:
        return {
            row.name: cancellation
            for row in connection.execute(cancelled.order_by(campaigns.c.id))
            if (cancellation := cancellation_of_row(row)) is not None
        }


def _read(connection: sa.Connection, campaign_id: int) -> Cancellation | None:
    of_campaign = sa.select(cancellations).where(cancellations.c.campaign_id == campaign_id)
    row = connection.execute(of_campaign).one_or_none()
    return None if row is None else cancellation_of_row(row)


def cancellation_of_row(row: sa.Row[Any]) -> Cancellation | None:
    """Return the cancellation in a row that has its columns; ``None`` if they are null, as of an outer join."""
    return None if row.decided_at is None else Cancellation(row.decided_by, row.reason, row.decided_at)


def _message_reason(cancellation: Cancellation) -> str:
    return f"cancelled: {cancellation.reason}"
