"""Settlement: what a reply, or its absence, proves is recorded, or the messages are requeued."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.models import Outcome
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.campaign.campaigns import lock_campaign
from airflow_provider_rcs.store.campaign.cancellations import cancellation_reason
from airflow_provider_rcs.store.db.bulk import column_types, rows_from_json, rows_as_json
from airflow_provider_rcs.store.db.engine import reading, transaction
from airflow_provider_rcs.store.db.tables import message, request
from airflow_provider_rcs.store.outbox.claims import Claim
from airflow_provider_rcs.store.privacy.pseudonyms import ERASED_UNSENT, IS_PSEUDONYMISED

_HIGHEST_NUMBER = 2**63 - 1


# One that was claimed through the upgrade of the store does not tell its numbers: then they are looked for everywhere.
IS_OF_REQUEST = sa.and_(
    message.c.request_id == request.c.id,
    message.c.id >= sa.func.coalesce(request.c.first_message_id, 0),
    message.c.id <= sa.func.coalesce(request.c.last_message_id, _HIGHEST_NUMBER),
)


ACCEPTED_BY_REPORT = "the reply was lost; a report on the same request proves that the service accepted it"


_OUTCOME_COLUMNS = column_types(message, ("id", "state", "reason", "api_message_id"))


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a reply said of each recipient of a claim.

    :param outcomes: in the order of the claim's recipients.
    :param api_campaign_id: the service's id of the request; empty if it gave none.
    """

    claim: Claim
    outcomes: Sequence[Outcome]
    api_campaign_id: str = ""


def settle(engine: sa.Engine, settlements: Sequence[Settlement]) -> None:
    """Record what the replies to requests of one campaign said of each recipient.

    Applies also after the attempt lost its lease: a reply is evidence whenever it comes. A message that a report has
    proven accepted in the meantime stays so.
    """
    dialect = engine.dialect.name
    # Written before the lock is taken, so that the next batches can be claimed meanwhile.
    told = [rows_as_json(dialect, _OUTCOME_COLUMNS, list(_outcome_rows(each))) for each in settlements]
    with transaction(engine) as connection:
        revision = lock_campaign(connection, settlements[0].claim.campaign_id)
        for settlement, rows in zip(settlements, told, strict=True):
            _record_reply(connection, settlement, rows, revision)


def _outcome_rows(settlement: Settlement) -> Iterator[tuple[Any, ...]]:
    for row, outcome in zip(settlement.claim.message_ids, settlement.outcomes, strict=True):
        yield row, outcome.state, outcome.reason, outcome.api_message_id or None


def _record_reply(connection: sa.Connection, settlement: Settlement, told: Mapping[str, str], revision: int) -> None:
    claim = settlement.claim
    said_once = {"request": claim.request_id, "new_revision": revision, "now": datetime.now(UTC)}
    recorded = connection.execute(_record_outcomes(connection.dialect.name), {**said_once, **told}).rowcount
    if recorded < len(claim.message_ids):
        # Those too that a report has settled against the reply: their copies show the request's id.
        connection.execute(
            message.update()
            .where(IS_OF_REQUEST, request.c.id == claim.request_id, message.c.revision < revision)
            .values(revision=revision)
        )
    _close_request(connection, claim.request_id, "accepted", api_campaign_id=settlement.api_campaign_id)


@cache
def _record_outcomes(dialect: str) -> sa.Update:
    told = rows_from_json(dialect, _OUTCOME_COLUMNS).c
    undecided = sa.or_(
        message.c.state == MessageState.SENDING,
        message.c.state == MessageState.IN_DOUBT,
        # Taken for accepted because the rest of its request was: the reply itself tells more.
        sa.and_(message.c.state == MessageState.ACCEPTED, message.c.reason == ACCEPTED_BY_REPORT),
    )
    confirmed = sa.and_(told.state == MessageState.ACCEPTED, message.c.state == MessageState.ACCEPTED)
    return (
        message.update()
        .where(
            message.c.id == told.id,
            message.c.request_id == sa.bindparam("request", type_=message.c.request_id.type),
            sa.or_(undecided, confirmed),
        )
        .values(
            state=told.state,
            reason=told.reason,
            api_message_id=sa.func.coalesce(told.api_message_id, message.c.api_message_id),
            revision=sa.bindparam("new_revision", type_=message.c.revision.type),
            updated_at=sa.bindparam("now", type_=message.c.updated_at.type),
        )
    )


def requeue_refused(engine: sa.Engine, claim: Claim, reason: str) -> None:
    """Give the messages back as planned, after a proven refusal of their request.

    Those who were erased meanwhile, or whose campaign was cancelled, are suppressed. Applies also after the attempt was
    taken for dead: then they are in doubt, and the refusal settles it.

    :param reason: why it was refused; stays with the request.
    """
    with transaction(engine) as connection:
        revision = lock_campaign(connection, claim.campaign_id)
        if _is_echoed(connection, claim.request_id):
            # A report has proven the opposite, and nobody is messaged on the word of a service against itself.
            mark_request_in_doubt(connection, claim.request_id, revision, reason)
            return
        requeue_messages(connection, claim.campaign_id, [claim.request_id], revision)
        _close_request(connection, claim.request_id, "refused", reason=reason)


def mark_in_doubt(engine: sa.Engine, claim: Claim, reason: str) -> int:
    """Leave the messages in doubt, after their request left and no readable reply came.

    :return: the number of messages in doubt: none, if a report has proven the request accepted.
    """
    with transaction(engine) as connection:
        revision = lock_campaign(connection, claim.campaign_id)
        return mark_request_in_doubt(connection, claim.request_id, revision, reason)


def mark_request_in_doubt(connection: sa.Connection, request_id: int, revision: int, reason: str) -> int:
    """Do the same inside a transaction that holds the campaign's lock."""
    echoed = _is_echoed(connection, request_id)
    state = MessageState.ACCEPTED if echoed else MessageState.IN_DOUBT
    changed = connection.execute(
        message.update()
        .where(IS_OF_REQUEST, request.c.id == request_id, message.c.state == MessageState.SENDING)
        .values(
            state=state,
            reason=ACCEPTED_BY_REPORT if echoed else reason,
            revision=revision,
            updated_at=datetime.now(UTC),
        )
    )
    _close_request(connection, request_id, str(state), reason=reason)
    return 0 if echoed else changed.rowcount


def _is_echoed(connection: sa.Connection, request_id: int) -> bool:
    """Whether a report has proven that the service accepted the request."""
    echo = sa.select(request.c.echoed_at).where(request.c.id == request_id)
    return connection.execute(echo).scalar_one() is not None


def _close_request(connection: sa.Connection, request_id: int, state: str, **values: Any) -> None:
    connection.execute(
        request.update().where(request.c.id == request_id).values(state=state, settled_at=datetime.now(UTC), **values)
    )


def api_campaign_ids(engine: sa.Engine, campaign_id: int) -> list[str]:
    """Return the ids that the service gave to the campaign's requests, in their order."""
    given = sa.select(request.c.api_campaign_id).where(
        request.c.campaign_id == campaign_id, request.c.api_campaign_id != ""
    )
    with reading(engine) as connection:
        return list(connection.execute(given.order_by(request.c.id)).scalars())


_NEVER_LEFT = "it never left: its task ended before"


def requeue_unsent(engine: sa.Engine, claims: Sequence[Claim]) -> None:
    """Give the messages of requests back that this process knows not to have left, whatever the store takes them for.

    They are planned again, except those that were erased meanwhile, or whose campaign was cancelled.
    """
    with transaction(engine) as connection:
        revision = lock_campaign(connection, claims[0].campaign_id)
        requeue_unsent_requests(connection, claims[0].campaign_id, [claim.request_id for claim in claims], revision)


def requeue_unsent_requests(
    connection: sa.Connection, campaign_id: int, request_ids: Sequence[int], revision: int
) -> None:
    """Do the same inside a transaction that holds the campaign's lock."""
    requeue_messages(connection, campaign_id, request_ids, revision)
    connection.execute(
        request.update()
        .where(request.c.id.in_(request_ids))
        .values(state="unsent", reason=_NEVER_LEFT, settled_at=datetime.now(UTC))
    )


def values_when_not_sent(connection: sa.Connection, campaign_id: int) -> Mapping[str, Any]:
    """Return the state and the reason of messages of a campaign that are proven not to have been sent.

    They are planned again, unless they can be sent no more: their campaign was cancelled, or the person erased. To be
    asked under the campaign's lock.
    """
    if cancelled := cancellation_reason(connection, campaign_id):
        return {"state": MessageState.SUPPRESSED, "reason": cancelled}
    return {
        "state": sa.case((IS_PSEUDONYMISED, MessageState.SUPPRESSED), else_=MessageState.PLANNED),
        "reason": sa.case((IS_PSEUDONYMISED, ERASED_UNSENT), else_=""),
    }


def requeue_messages(connection: sa.Connection, campaign_id: int, request_ids: Sequence[int], revision: int) -> None:
    """Give back the messages of requests of a campaign that are proven not to have been accepted.

    Also those that are taken for in doubt: the proof settles it. To be called under the campaign's lock.
    """
    not_sent = values_when_not_sent(connection, campaign_id)
    connection.execute(
        message.update()
        .where(
            IS_OF_REQUEST,
            request.c.id.in_(request_ids),
            message.c.state.in_((MessageState.SENDING, MessageState.IN_DOUBT)),
        )
        .values(request_id=None, revision=revision, updated_at=datetime.now(UTC), **not_sent)
    )
