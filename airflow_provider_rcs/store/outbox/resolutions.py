"""Resolutions: the recorded decisions of people on messages in doubt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.campaign.campaigns import Campaign, lock_campaign
from airflow_provider_rcs.store.db.count_tables import campaign_count
from airflow_provider_rcs.store.db.engine import reading, transaction
from airflow_provider_rcs.store.db.tables import attempt as attempts
from airflow_provider_rcs.store.db.tables import message, request
from airflow_provider_rcs.store.db.tables import resolution as resolutions
from airflow_provider_rcs.store.outbox.attempts import StartedBy, started_by_of_row
from airflow_provider_rcs.store.outbox.settlement import IS_OF_REQUEST, values_when_not_sent
from airflow_provider_rcs.store.privacy.pseudonyms import find_pseudonymised


class Verdict(StrEnum):
    """The outcome that a person decides on for messages in doubt."""

    ACCEPTED = "accepted"
    NOT_SENT = "not_sent"


@dataclass(frozen=True, slots=True)
class Resolution:
    """The decision of a person on messages in doubt.

    :param verdict: the outcome; ``not_sent`` plans the messages again for the next attempt, unless their recipients
        were erased or their campaign was cancelled.
    :param decided_by: who decided.
    :param reason: why, such as what was seen.
    :raises RcsInputError: if ``decided_by`` or ``reason`` is empty.
    """

    verdict: Verdict
    decided_by: str
    reason: str

    def __post_init__(self) -> None:
        if not self.decided_by.strip():
            raise RcsInputError("by", "it is empty", "Name who decides; the ledger records it.")
        if not self.reason.strip():
            raise RcsInputError("because", "it is empty", "Give a reason; the ledger records it.")


@dataclass(frozen=True, slots=True)
class RequestInDoubt:
    """A request that has messages in doubt.

    :param in_doubt: their number.
    :param reason: why they are in doubt.
    :param sent_by: what sent it, for people: the task and its process, or a person.
    """

    reference: str
    claimed_at: datetime
    in_doubt: int
    reason: str
    sent_by: str


def requests_in_doubt(engine: sa.Engine, campaign: Campaign) -> Sequence[RequestInDoubt]:
    """Return the campaign's requests that have messages in doubt, oldest first."""
    columns = (request.c.reference, request.c.claimed_at, request.c.reason)
    starter = [attempts.c[each.name] for each in fields(StartedBy)]
    in_doubt: sa.Select[Any] = (
        sa.select(*columns, *starter, sa.func.count().label("in_doubt"))
        .join(message, IS_OF_REQUEST)
        .join(attempts, attempts.c.id == request.c.attempt_id)
        .where(request.c.campaign_id == campaign.id, message.c.state == MessageState.IN_DOUBT)
        .group_by(request.c.id, *columns, *starter)
        .order_by(request.c.id)
    )
    # Without a message in doubt, all of the campaign's messages would be read to find none.
    has_some = sa.exists().where(
        campaign_count.c.campaign_id == campaign.id,
        campaign_count.c.state == MessageState.IN_DOUBT,
        campaign_count.c.messages > 0,
    )
    with reading(engine) as connection:
        if not connection.execute(sa.select(has_some)).scalar_one():
            return []
        return [
            RequestInDoubt(row.reference, row.claimed_at, row.in_doubt, row.reason, str(started_by_of_row(row)))
            for row in connection.execute(in_doubt)
        ]


def resolve_all(engine: sa.Engine, campaign: Campaign, resolution: Resolution) -> int:
    """Resolve all messages of the campaign that are in doubt, and return their number."""
    return _resolve(engine, campaign, resolution, sa.true())


def resolve_request(engine: sa.Engine, campaign: Campaign, resolution: Resolution, reference: str) -> int:
    """Resolve the messages in doubt of the request with this reference, and return their number."""
    of_request = sa.select(request.c.id).where(request.c.reference == reference)
    return _resolve(engine, campaign, resolution, message.c.request_id.in_(of_request))


def resolve_phone(engine: sa.Engine, campaign: Campaign, resolution: Resolution, phone: str) -> int:
    """Resolve the message to this phone if it is in doubt, and return the number of messages resolved.

    :param phone: in E.164, such as ``+34600000001``; it may have been erased since.
    """
    with reading(engine) as connection:
        pseudonyms = find_pseudonymised(connection, campaign.id, [phone])
    return _resolve(engine, campaign, resolution, message.c.recipient_key == pseudonyms.get(phone, phone))


def _resolve(engine: sa.Engine, campaign: Campaign, resolution: Resolution, condition: sa.ColumnElement[bool]) -> int:
    is_accepted = resolution.verdict is Verdict.ACCEPTED
    with transaction(engine) as connection:
        revision = lock_campaign(connection, campaign.id)
        now = datetime.now(UTC)
        resolution_id = connection.execute(
            resolutions.insert()
            .values(
                campaign_id=campaign.id,
                outcome=resolution.verdict,
                messages=0,
                decided_by=resolution.decided_by,
                reason=resolution.reason,
                decided_at=now,
            )
            .returning(resolutions.c.id)
        ).scalar_one()
        accepted = {"state": MessageState.ACCEPTED, "reason": ""}
        resolved = connection.execute(
            message.update()
            .where(message.c.campaign_id == campaign.id, message.c.state == MessageState.IN_DOUBT, condition)
            .values(
                request_id=message.c.request_id if is_accepted else None,
                resolution_id=resolution_id,
                revision=revision,
                updated_at=now,
                **(accepted if is_accepted else values_when_not_sent(connection, campaign.id)),
            )
        ).rowcount
        this_row = resolutions.c.id == resolution_id
        connection.execute(
            resolutions.update().where(this_row).values(messages=resolved)
            if resolved
            else resolutions.delete().where(this_row)
        )
    return resolved
