"""Settlement of requests: their outcomes are recorded, or their messages are requeued."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.models import Outcome
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.campaign.campaigns import lock_campaign, lost_commits_error
from airflow_provider_rcs.store.campaign.cancellations import cancellation_reason
from airflow_provider_rcs.store.db.bulk import column_types, rows_as_json, rows_from_json
from airflow_provider_rcs.store.db.engine import reading_once, transaction
from airflow_provider_rcs.store.db.tables import message, request
from airflow_provider_rcs.store.outbox.claims import Claim
from airflow_provider_rcs.store.outbox.planning import EXCLUDED
from airflow_provider_rcs.store.privacy.pseudonyms import ERASED_UNSENT, IS_PSEUDONYMISED

CONTRADICTED_BY_REPORT = "the reply says that nothing was sent; a report on the same request says otherwise"
ACCEPTED_BY_REPORT = "the reply was lost; a report on the same request proves that the service accepted it"

# No id of the service is so long; the column has an index, whose entries are limited.
_LONGEST_API_CAMPAIGN_ID = 255

_NEVER_LEFT = "the request never left: its task ended first"

# By the range of ids as well, so that the messages are found by their primary key.
IS_OF_REQUEST = sa.and_(
    message.c.request_id == request.c.id,
    message.c.id.between(request.c.first_message_id, request.c.last_message_id),
)

_IS_UNDECIDED = sa.or_(
    message.c.state == MessageState.SENDING,
    message.c.state == MessageState.IN_DOUBT,
    # Accepted only because another message of the request was reported on: the reply is more exact.
    sa.and_(message.c.state == MessageState.ACCEPTED, message.c.reason == ACCEPTED_BY_REPORT),
)

_OUTCOME_COLUMNS = column_types(message, ("id", "state", "reason", "api_message_id"))


@dataclass(frozen=True, slots=True)
class Settlement:
    """The outcome of each recipient of a claim, read from the reply to its request.

    :param outcomes: in the order of the claim's recipients; ``planned`` for those to requeue.
    :param api_campaign_id: the service's id of the request; empty if the reply has none.
    :param refusal: why the service refused the request; empty if it did not.
    """

    claim: Claim
    outcomes: Sequence[Outcome]
    api_campaign_id: str = ""
    refusal: str = ""

    @property
    def is_accepted(self) -> bool:
        """Whether the reply proves that the service sent some of the request."""
        return not self.refusal or any(outcome.state is MessageState.ACCEPTED for outcome in self.outcomes)


def settle(engine: sa.Engine, settlements: Sequence[Settlement]) -> None:
    """Record the replies to requests of one campaign, recipient by recipient.

    This works also after the attempt has lost its lease: a reply is evidence whenever it arrives. A message that a
    report has proven accepted meanwhile stays accepted. One that is accepted, but was resolved as not sent, becomes
    accepted unless another request contains it already. Messages to requeue that cannot be sent any more are suppressed
    instead: see :func:`values_when_not_sent`.

    :raises RcsStoreError: if the store does not know one of the requests any more; the other replies are recorded.
    """
    dialect = engine.dialect.name
    # Serialized before the campaign is locked, so that further batches can be claimed meanwhile.
    parameters = [rows_as_json(dialect, _OUTCOME_COLUMNS, _outcome_rows(each)) for each in settlements]
    with transaction(engine) as connection:
        revision = lock_campaign(connection, settlements[0].claim.campaign_id)
        are_known = [
            _record_reply(connection, settlement, outcomes, revision)
            for settlement, outcomes in zip(settlements, parameters, strict=True)
        ]
    if not all(are_known):
        raise lost_commits_error()


def mark_in_doubt(engine: sa.Engine, claim: Claim, reason: str) -> int:
    """Mark the claim's messages as in doubt, after their request left and no readable reply came.

    If a report has proven that the service accepted the request, they become accepted instead.

    :return: the number of messages in doubt.
    :raises RcsStoreError: if the store does not know the request any more.
    """
    with transaction(engine) as connection:
        revision = lock_campaign(connection, claim.campaign_id)
        _require_known(connection, claim)
        return mark_request_in_doubt(connection, claim.request_id, revision, reason)


def mark_request_in_doubt(connection: sa.Connection, request_id: int, revision: int, reason: str) -> int:
    """Like :func:`mark_in_doubt`, for callers that hold the campaign lock."""
    is_proven = _is_proven_accepted(connection, request_id)
    state = MessageState.ACCEPTED if is_proven else MessageState.IN_DOUBT
    changed = connection.execute(
        message.update()
        .where(IS_OF_REQUEST, request.c.id == request_id, message.c.state == MessageState.SENDING)
        .values(
            state=state,
            reason=ACCEPTED_BY_REPORT if is_proven else reason,
            revision=revision,
            updated_at=datetime.now(UTC),
        )
    )
    _close_request(connection, request.c.id == request_id, str(state), reason=reason)
    return 0 if is_proven else changed.rowcount


def requeue_refused(engine: sa.Engine, claim: Claim, reason: str) -> None:
    """Requeue the claim's messages, after the service has definitely refused their request.

    Messages that cannot be sent any more are suppressed instead: see :func:`values_when_not_sent`. This works also
    after the attempt was recovered as dead: the messages are in doubt then, and the refusal settles them.

    :param reason: why the request was refused; it is stored with the request.
    :raises RcsStoreError: if the store does not know the request any more.
    """
    with transaction(engine) as connection:
        revision = lock_campaign(connection, claim.campaign_id)
        _require_known(connection, claim)
        if _is_proven_accepted(connection, claim.request_id):
            # The service contradicts itself: a report proves that it accepted the request. Sending again is not safe.
            mark_request_in_doubt(connection, claim.request_id, revision, reason)
            return
        _requeue_messages(connection, claim.campaign_id, [claim.request_id], revision)
        _close_request(connection, _is_request_of(claim), "refused", reason=reason)


def requeue_unsent(engine: sa.Engine, claims: Sequence[Claim]) -> None:
    """Requeue the messages of claims whose requests, as this process knows, never left.

    They are requeued in whatever state the store has them, also if the requests were dispatched. Messages that cannot
    be sent any more are suppressed instead: see :func:`values_when_not_sent`.
    """
    with transaction(engine) as connection:
        revision = lock_campaign(connection, claims[0].campaign_id)
        requeue_unsent_requests(connection, claims[0].campaign_id, [claim.request_id for claim in claims], revision)


def requeue_unsent_requests(
    connection: sa.Connection, campaign_id: int, request_ids: Sequence[int], revision: int
) -> None:
    """Like :func:`requeue_unsent`, for callers that hold the campaign lock."""
    _requeue_messages(connection, campaign_id, request_ids, revision)
    connection.execute(
        request.update()
        .where(request.c.id.in_(request_ids))
        .values(state="unsent", reason=_NEVER_LEFT, settled_at=datetime.now(UTC))
    )


def values_when_not_sent(connection: sa.Connection, campaign_id: int) -> Mapping[str, Any]:
    """Return the new state and reason of messages of a campaign that are proven not to have been sent.

    They are planned again, except those that cannot be sent any more: if their campaign was cancelled, or their
    recipient was erased or excluded, they are suppressed. The caller must hold the campaign lock.
    """
    if cancelled := cancellation_reason(connection, campaign_id):
        return {"state": MessageState.SUPPRESSED, "reason": cancelled}
    must_not_be_sent = sa.or_(IS_PSEUDONYMISED, message.c.is_excluded)
    return {
        "state": sa.case((must_not_be_sent, MessageState.SUPPRESSED), else_=MessageState.PLANNED),
        "reason": sa.case((IS_PSEUDONYMISED, ERASED_UNSENT), (message.c.is_excluded, EXCLUDED), else_=""),
    }


def api_campaign_ids(engine: sa.Engine, campaign_id: int) -> list[str]:
    """Return the ids that the service gave to the requests of a campaign, in the order of the requests."""
    ids = sa.select(request.c.api_campaign_id).where(
        request.c.campaign_id == campaign_id, request.c.api_campaign_id != ""
    )
    with reading_once(engine) as connection:
        return list(connection.execute(ids.order_by(request.c.id)).scalars())


def _outcome_rows(settlement: Settlement) -> list[tuple[Any, ...]]:
    return [
        (message_id, outcome.state, outcome.reason, outcome.api_message_id or None)
        for message_id, outcome in zip(settlement.claim.message_ids, settlement.outcomes, strict=True)
    ]


def _record_reply(
    connection: sa.Connection, settlement: Settlement, outcomes: Mapping[str, str], revision: int
) -> bool:
    """Record a reply, and return whether the store knows its request."""
    claim = settlement.claim
    is_known = _close_request(
        connection,
        _is_request_of(claim),
        "accepted" if settlement.is_accepted else "refused",
        reason=settlement.refusal,
        api_campaign_id=settlement.api_campaign_id[:_LONGEST_API_CAMPAIGN_ID],
    )
    if not is_known:
        return False
    same_for_all_rows = {"request": claim.request_id, "new_revision": revision, "now": datetime.now(UTC)}
    recorded = connection.execute(_record_outcomes(connection.dialect.name), {**same_for_all_rows, **outcomes}).rowcount
    if any(outcome.state is MessageState.PLANNED for outcome in settlement.outcomes):
        recorded += _requeue_outcomes(connection, settlement, outcomes, revision)
    if recorded < len(claim.message_ids):
        # Messages that a report has settled against the reply get the revision too: exports show the request's id.
        connection.execute(
            message.update()
            .where(IS_OF_REQUEST, request.c.id == claim.request_id, message.c.revision < revision)
            .values(revision=revision)
        )
    return True


def _requeue_outcomes(
    connection: sa.Connection, settlement: Settlement, outcomes: Mapping[str, str], revision: int
) -> int:
    """Requeue the messages that the reply proves were not sent, and return their number."""
    values = {**values_when_not_sent(connection, settlement.claim.campaign_id), "request_id": None}
    if not settlement.is_accepted and _is_proven_accepted(connection, settlement.claim.request_id):
        # The reply says that nothing was sent, but a report has come: sending again is not safe.
        values = {"state": MessageState.IN_DOUBT, "reason": CONTRADICTED_BY_REPORT}
    outcome = rows_from_json(connection.dialect.name, _OUTCOME_COLUMNS).c
    requeue = (
        message.update()
        .where(
            message.c.id == outcome.id,
            message.c.request_id == settlement.claim.request_id,
            outcome.state == MessageState.PLANNED,
            _IS_UNDECIDED,
        )
        .values(revision=revision, updated_at=datetime.now(UTC), **values)
    )
    return connection.execute(requeue, outcomes).rowcount


@cache
def _record_outcomes(dialect: str) -> sa.Update:
    outcome = rows_from_json(dialect, _OUTCOME_COLUMNS).c
    this_request = sa.bindparam("request", type_=message.c.request_id.type)
    is_accepted = outcome.state == MessageState.ACCEPTED
    is_open = sa.or_(_IS_UNDECIDED, sa.and_(is_accepted, message.c.state == MessageState.ACCEPTED))
    # A person has found that it was not sent; the reply proves that it was.
    is_wrongly_planned = sa.and_(is_accepted, message.c.request_id.is_(None), message.c.state == MessageState.PLANNED)
    return (
        message.update()
        .where(
            message.c.id == outcome.id,
            outcome.state != MessageState.PLANNED,
            sa.or_(sa.and_(message.c.request_id == this_request, is_open), is_wrongly_planned),
        )
        .values(
            request_id=this_request,
            state=outcome.state,
            reason=outcome.reason,
            api_message_id=sa.func.coalesce(outcome.api_message_id, message.c.api_message_id),
            revision=sa.bindparam("new_revision", type_=message.c.revision.type),
            updated_at=sa.bindparam("now", type_=message.c.updated_at.type),
        )
    )


def _requeue_messages(connection: sa.Connection, campaign_id: int, request_ids: Sequence[int], revision: int) -> None:
    # Messages in doubt too: the proof that they were not accepted settles the doubt.
    connection.execute(
        message.update()
        .where(
            IS_OF_REQUEST,
            request.c.id.in_(request_ids),
            message.c.state.in_((MessageState.SENDING, MessageState.IN_DOUBT)),
        )
        .values(
            request_id=None,
            revision=revision,
            updated_at=datetime.now(UTC),
            **values_when_not_sent(connection, campaign_id),
        )
    )


def _is_proven_accepted(connection: sa.Connection, request_id: int) -> bool:
    """Return whether a report that carries the request's reference has arrived."""
    first_report = sa.select(request.c.echoed_at).where(request.c.id == request_id)
    return connection.execute(first_report).scalar_one() is not None


def _is_request_of(claim: Claim) -> sa.ColumnElement[bool]:
    # By the reference, too: a store that has lost its commit may have given its id to another request.
    return sa.and_(request.c.id == claim.request_id, request.c.reference == claim.reference)


def _require_known(connection: sa.Connection, claim: Claim) -> None:
    if connection.execute(sa.select(request.c.id).where(_is_request_of(claim))).first() is None:
        raise lost_commits_error()


def _close_request(connection: sa.Connection, which: sa.ColumnElement[bool], state: str, **values: Any) -> bool:
    """Record the end of a request, and return whether the store knows the request."""
    closed = request.update().where(which).values(state=state, settled_at=datetime.now(UTC), **values)
    return connection.execute(closed).rowcount > 0
