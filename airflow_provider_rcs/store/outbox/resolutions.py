"""Resolutions: a person settles what is in doubt, and the store keeps who said so, when and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.campaign.campaigns import Campaign, lock_campaign
from airflow_provider_rcs.store.db.engine import reading, transaction
from airflow_provider_rcs.store.db.tables import message, request, resolution
from airflow_provider_rcs.store.outbox.settlement import IS_OF_REQUEST, values_when_not_sent
from airflow_provider_rcs.store.privacy.pseudonyms import find_pseudonymised


class Verdict(StrEnum):
    """What a person says became of messages in doubt."""

    ACCEPTED = "accepted"
    NOT_SENT = "not_sent"


@dataclass(frozen=True, slots=True)
class Resolution:
    """A person's word on messages in doubt.

    :param verdict: what became of them; ``not_sent`` plans them again, for the next attempt, except those who were
        erased since, or whose campaign was cancelled.
    :param decided_by: who says so.
    :param reason: why; what was seen.
    :raises RcsInputError: if nobody says so, or not why.
    """

    verdict: Verdict
    decided_by: str
    reason: str

    def __post_init__(self) -> None:
        if not self.decided_by.strip():
            raise RcsInputError("by", "it is empty", "Say who decides, for the books.")
        if not self.reason.strip():
            raise RcsInputError("because", "it is empty", "Say why, for the books.")


@dataclass(frozen=True, slots=True)
class RequestInDoubt:
    """A request whose messages are in doubt."""

    reference: str
    claimed_at: datetime
    in_doubt: int
    reason: str


def requests_in_doubt(engine: sa.Engine, campaign: Campaign) -> Sequence[RequestInDoubt]:
    """Return the campaign's requests that have messages in doubt, the oldest first."""
    columns = (request.c.reference, request.c.claimed_at, request.c.reason)
    doubted = (
        sa.select(*columns, sa.func.count().label("in_doubt"))
        .join(message, IS_OF_REQUEST)
        .where(request.c.campaign_id == campaign.id, message.c.state == MessageState.IN_DOUBT)
        .group_by(request.c.id, *columns)
        .order_by(request.c.id)
    )
    with reading(engine) as connection:
        return [RequestInDoubt(**row) for row in connection.execute(doubted).mappings()]


def resolve_all(engine: sa.Engine, campaign: Campaign, statement: Resolution) -> int:
    """Settle all messages of the campaign that are in doubt, and return how many."""
    return _resolve(engine, campaign, statement, sa.true())


def resolve_request(engine: sa.Engine, campaign: Campaign, statement: Resolution, reference: str) -> int:
    """Settle those of one request, known by the reference that it carried, and return how many."""
    of_request = sa.select(request.c.id).where(request.c.reference == reference)
    return _resolve(engine, campaign, statement, message.c.request_id.in_(of_request))


def resolve_phone(engine: sa.Engine, campaign: Campaign, statement: Resolution, phone: str) -> int:
    """Settle the one to a phone, given as E.164 digits, and return how many that was; also if it was erased since."""
    with reading(engine) as connection:
        hashes = find_pseudonymised(connection, campaign.id, [phone])
    return _resolve(engine, campaign, statement, message.c.recipient_key == hashes.get(phone, phone))


def _resolve(engine: sa.Engine, campaign: Campaign, statement: Resolution, which: sa.ColumnElement[bool]) -> int:
    accepted = statement.verdict is Verdict.ACCEPTED
    with transaction(engine) as connection:
        revision = lock_campaign(connection, campaign.id)
        now = datetime.now(UTC)
        sent = {"state": MessageState.ACCEPTED, "reason": ""}
        resolution_id = connection.execute(
            resolution.insert()
            .values(
                campaign_id=campaign.id,
                outcome=statement.verdict,
                messages=0,
                decided_by=statement.decided_by,
                reason=statement.reason,
                decided_at=now,
            )
            .returning(resolution.c.id)
        ).scalar_one()
        settled = connection.execute(
            message.update()
            .where(message.c.campaign_id == campaign.id, message.c.state == MessageState.IN_DOUBT, which)
            .values(
                request_id=message.c.request_id if accepted else None,
                resolution_id=resolution_id,
                revision=revision,
                updated_at=now,
                **(sent if accepted else values_when_not_sent(connection, campaign.id)),
            )
        ).rowcount
        ours = resolution.c.id == resolution_id
        connection.execute(
            resolution.update().where(ours).values(messages=settled) if settled else resolution.delete().where(ours)
        )
    return settled
