"""Cancellations: a person ends a campaign, and nobody is sent to any more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsCancelledError, RcsInputError
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.campaign.campaigns import Campaign, lock_campaign
from airflow_provider_rcs.store.db.bulk import insert_or_ignore
from airflow_provider_rcs.store.db.engine import reading, transaction
from airflow_provider_rcs.store.db.tables import campaign as campaigns
from airflow_provider_rcs.store.db.tables import cancellation, message, request

_HANDED_OVER = (MessageState.SENDING, MessageState.ACCEPTED, MessageState.IN_DOUBT)


@dataclass(frozen=True, slots=True)
class Cancellation:
    """A person's word that a campaign is not to be sent any more.

    :param decided_by: who says so.
    :param reason: why; is kept with each message that is not sent.
    :param decided_at: when.
    :raises RcsInputError: if nobody says so, or not why.
    """

    decided_by: str
    reason: str
    decided_at: datetime

    def __post_init__(self) -> None:
        if not self.decided_by.strip():
            raise RcsInputError("by", "it is empty", "Say who decides, for the books.")
        if not self.reason.strip():
            raise RcsInputError("reason", "it is empty", "Say why, for the books.")


@dataclass(frozen=True, slots=True)
class CancellationResult:
    """What a cancellation came to.

    :param word: the one that counts: the first.
    :param not_sent: how many messages it keeps from being sent.
    :param handed_over: how many were handed to the service before, or are just then; they cannot be called back.
    """

    word: Cancellation
    not_sent: int
    handed_over: int


def cancel(engine: sa.Engine, campaign: Campaign, word: Cancellation) -> CancellationResult:
    """End a campaign: who is planned becomes suppressed, and no attempt claims anyone any more.

    So does who was claimed for a request that may not leave yet, because it may not any more.

    One that is cancelled already stays so by the first word.
    """
    row = {
        "campaign_id": campaign.id,
        "decided_by": word.decided_by,
        "reason": word.reason,
        "decided_at": word.decided_at,
    }
    not_allowed_to_leave = sa.select(request.c.id).where(
        request.c.campaign_id == campaign.id, request.c.state == "claimed"
    )
    may_be_kept = sa.or_(
        message.c.state == MessageState.PLANNED,
        sa.and_(message.c.state == MessageState.SENDING, message.c.request_id.in_(not_allowed_to_leave)),
    )
    with transaction(engine) as connection:
        revision = lock_campaign(connection, campaign.id)
        insert_or_ignore(connection, cancellation, [row], key=["campaign_id"])
        first = _read(connection, campaign.id) or word
        not_sent = connection.execute(
            message.update()
            .where(message.c.campaign_id == campaign.id, may_be_kept)
            .values(
                state=MessageState.SUPPRESSED,
                request_id=None,
                reason=_reason(first),
                revision=revision,
                updated_at=datetime.now(UTC),
            )
        ).rowcount
        handed_over = sa.select(sa.func.count()).where(
            message.c.campaign_id == campaign.id, message.c.state.in_(_HANDED_OVER)
        )
        return CancellationResult(first, not_sent, connection.execute(handed_over).scalar_one())


def require_not_cancelled(connection: sa.Connection, campaign: Campaign) -> None:
    """Check that a campaign may go on; to rely on it, hold the campaign's lock.

    :raises RcsCancelledError: if it was cancelled; tells by whom, when and why.
    """
    if word := _read(connection, campaign.id):
        raise RcsCancelledError(
            f"campaign {campaign.name!r} was cancelled by {word.decided_by} on {word.decided_at:%Y-%m-%d %H:%M} UTC: "
            f"{word.reason}. Nobody is sent to any more. {RcsCancelledError.remedy}"
        )


def cancellation_reason(connection: sa.Connection, campaign_id: int) -> str:
    """Return why messages of the campaign are suppressed that are not sent; empty if it was not cancelled."""
    word = _read(connection, campaign_id)
    return _reason(word) if word else ""


def read_cancellations(engine: sa.Engine) -> Mapping[str, Cancellation]:
    """Return the words by which campaigns were cancelled, by the campaigns' names."""
    words = sa.select(campaigns.c.name, cancellation).join(campaigns, campaigns.c.id == cancellation.c.campaign_id)
    with reading(engine) as connection:
        return {
            row.name: Cancellation(row.decided_by, row.reason, row.decided_at)
            for row in connection.execute(words.order_by(campaigns.c.id))
        }


def _read(connection: sa.Connection, campaign_id: int) -> Cancellation | None:
    word = sa.select(cancellation).where(cancellation.c.campaign_id == campaign_id)
    row = connection.execute(word).one_or_none()
    return None if row is None else Cancellation(row.decided_by, row.reason, row.decided_at)


def _reason(word: Cancellation) -> str:
    return f"cancelled: {word.reason}"
