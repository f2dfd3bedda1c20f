"""Claims: a batch of planned messages is taken for one request, and settled by what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import orjson
import sqlalchemy as sa

from airflow_provider_rcs.api.garbage import collector_held
from airflow_provider_rcs.api.models import Outcome, Recipients, recipients_of
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.attempts import Attempt, require_lease
from airflow_provider_rcs.store.campaigns import lock_campaign, new_reference
from airflow_provider_rcs.store.cancellations import require_not_cancelled
from airflow_provider_rcs.store.engine import reading, transaction
from airflow_provider_rcs.store.request_messages import IS_OF_REQUEST
from airflow_provider_rcs.store.row_sets import columns_of, row_parameter, row_set
from airflow_provider_rcs.store.shards import lists_of
from airflow_provider_rcs.store.suppression import FrequencyCap, lock_for_cap, reasons_against
from airflow_provider_rcs.store.tables import message, request
from airflow_provider_rcs.store.unsent import take_out_of_requests

ACCEPTED_BY_ECHO = "the reply was lost; a report on the same request proves that the service accepted it"

_OUTCOME_COLUMNS = columns_of(message, ("id", "state", "reason", "api_message_id"))


@dataclass(frozen=True, slots=True)
class Claim:
    """A batch of messages that one attempt has taken for one request.

    :param reference: the request's own reference, which comes back in reports.
    :param message_ids: the rows of the messages, in the order of the recipients.
    """

    request_id: int
    campaign_id: int
    reference: str
    message_ids: tuple[int, ...]
    recipients: Recipients


@dataclass(frozen=True, slots=True)
class Settlement:
    """What a reply said of each recipient of a claim.

    :param outcomes: in the order of the claim's recipients.
    :param api_campaign_id: the service's id of the request; empty if it gave none.
    """

    claim: Claim
    outcomes: Sequence[Outcome]
    api_campaign_id: str = ""


_Taken = tuple[int, str, Sequence[Any]]


def claim_batches(
    engine: sa.Engine,
    attempt: Attempt,
    size: int,
    cap: FrequencyCap | None = None,
    *,
    requests: int = 1,
    after: int = 0,
) -> list[Claim]:
    """Take the next planned messages of this attempt's list, for one request or for some.

    They are committed as ``sending`` before this returns, so that no other attempt takes them. Their requests may not
    leave yet: :func:`~airflow_provider_rcs.store.leaving.let_leave` allows it. If this process dies before, they are
    planned again. Those that must not be messaged are suppressed on the way.

    :param size: the most recipients of a request.
    :param cap: how often a phone may be messaged.
    :param requests: the most requests.
    :param after: the message behind which to look; those before it are not looked at.
    :return: a claim for each request; fewer than asked for, or none, when that is all that is planned.
    :raises RcsFencedError: if the attempt has lost its lease.
    :raises RcsCancelledError: if the campaign was cancelled.
    """
    with transaction(engine) as connection:
        _read_in_order(connection)
        if cap is not None:
            lock_for_cap(connection)
        revision = lock_campaign(connection, attempt.campaign.id)
        require_lease(connection, attempt.id)
        require_not_cancelled(connection, attempt.campaign)
        is_planned = is_planned_by(connection, attempt)
        taken: list[_Taken] = []
        while len(taken) < requests and (rows := _planned(connection, is_planned, after, size)):
            after = rows[-1].id
            against = reasons_against(connection, attempt.campaign.id, [row.phone for row in rows], cap)
            if against:
                _suppress(connection, {row.id: against[row.phone] for row in rows if row.phone in against}, revision)
                rows = [row for row in rows if row.phone not in against]
            if rows:
                reference = new_reference(attempt.campaign.token)
                request_id = _open_request(connection, attempt, reference, rows)
                _mark_as_sending(connection, request_id, rows, is_planned, revision)
                taken.append((request_id, reference, rows))
    # Once the lock is let go, so that a reply can be settled meanwhile.
    with collector_held():
        return [_claim(attempt.campaign.id, *each) for each in taken]


def _claim(campaign_id: int, request_id: int, reference: str, rows: Sequence[Any]) -> Claim:
    ids, phones, names, references, variables = zip(*rows, strict=True)
    recipients = recipients_of(phones, names, references, orjson.loads(f"[{','.join(variables)}]"))
    return Claim(request_id, campaign_id, reference, ids, recipients)


def _read_in_order(connection: sa.Connection) -> None:
    """Have PostgreSQL take the next messages from its index, where it stops after the last that is wanted.

    While a table is new to it, it takes a campaign to be small, and would read and sort all of it for each claim.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL enable_sort = off")


def _planned(connection: sa.Connection, is_planned: sa.ColumnElement[bool], after: int, size: int) -> Sequence[Any]:
    # The variables as text, to be read in one go.
    variables = sa.cast(message.c.variables, sa.Text).label("variables")
    columns = (message.c.id, message.c.phone, message.c.name, message.c.reference, variables)
    planned = sa.select(*columns).where(is_planned, message.c.id > after).order_by(message.c.id).limit(size)
    return connection.execute(planned).all()


def is_planned_by(connection: sa.Connection, attempt: Attempt) -> sa.ColumnElement[bool]:
    """Return the condition of the messages that the attempt may claim."""
    # Only who is on this attempt's list, or on that of a later one: whoever was taken off it since is not sent to.
    # Nor who is on that of another shard: it may be one that refuses its list, and sends to nobody on it.
    return sa.and_(
        message.c.campaign_id == attempt.campaign.id,
        message.c.state == MessageState.PLANNED,
        message.c.listed_by.in_(lists_of(connection, attempt)),
    )


def _suppress(connection: sa.Connection, reasons: Mapping[int, str], revision: int) -> None:
    for reason in set(reasons.values()):
        rows = [row for row, why in reasons.items() if why == reason]
        connection.execute(
            message.update()
            .where(message.c.id.in_(rows))
            .values(state=MessageState.SUPPRESSED, reason=reason, revision=revision, updated_at=datetime.now(UTC))
        )


def _mark_as_sending(
    connection: sa.Connection,
    request_id: int,
    rows: Sequence[Any],
    is_planned: sa.ColumnElement[bool],
    revision: int,
) -> None:
    # Under the campaign's lock the planned rows between the first and the last are just these.
    connection.execute(
        message.update()
        .where(is_planned, message.c.id.between(rows[0].id, rows[-1].id))
        .values(state=MessageState.SENDING, request_id=request_id, revision=revision, updated_at=datetime.now(UTC))
    )


def settle(engine: sa.Engine, settlements: Sequence[Settlement]) -> None:
    """Record what the replies to requests of one campaign said of each recipient.

    Applies also after the attempt lost its lease: a reply is evidence whenever it comes. A message that a report has
    proven accepted in the meantime stays so.
    """
    dialect = engine.dialect.name
    # Written before the lock is taken, so that the next batches can be claimed meanwhile.
    told = [row_parameter(dialect, _OUTCOME_COLUMNS, list(_outcome_rows(each))) for each in settlements]
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
    told = row_set(dialect, _OUTCOME_COLUMNS).c
    undecided = sa.or_(
        message.c.state == MessageState.SENDING,
        message.c.state == MessageState.IN_DOUBT,
        # Taken for accepted because the rest of its request was: the reply itself tells more.
        sa.and_(message.c.state == MessageState.ACCEPTED, message.c.reason == ACCEPTED_BY_ECHO),
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


def release(engine: sa.Engine, claim: Claim, reason: str) -> None:
    """Give the messages back as planned, after a proven refusal of their request.

    Those who were erased meanwhile, or whose campaign was cancelled, are suppressed. Applies also after the attempt was
    taken for dead: then they are in doubt, and the refusal settles it.

    :param reason: why it was refused; stays with the request.
    """
    with transaction(engine) as connection:
        revision = lock_campaign(connection, claim.campaign_id)
        if _is_echoed(connection, claim.request_id):
            # A report has proven the opposite, and nobody is messaged on the word of a service against itself.
            leave_in_doubt(connection, claim.request_id, revision, reason)
            return
        take_out_of_requests(connection, claim.campaign_id, [claim.request_id], revision)
        _close_request(connection, claim.request_id, "refused", reason=reason)


def doubt(engine: sa.Engine, claim: Claim, reason: str) -> int:
    """Leave the messages in doubt, after their request left and no readable reply came.

    :return: the number of messages in doubt: none, if a report has proven the request accepted.
    """
    with transaction(engine) as connection:
        revision = lock_campaign(connection, claim.campaign_id)
        return leave_in_doubt(connection, claim.request_id, revision, reason)


def leave_in_doubt(connection: sa.Connection, request_id: int, revision: int, reason: str) -> int:
    """Do the same inside a transaction that holds the campaign's lock."""
    echoed = _is_echoed(connection, request_id)
    state = MessageState.ACCEPTED if echoed else MessageState.IN_DOUBT
    changed = connection.execute(
        message.update()
        .where(IS_OF_REQUEST, request.c.id == request_id, message.c.state == MessageState.SENDING)
        .values(
            state=state,
            reason=ACCEPTED_BY_ECHO if echoed else reason,
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


def _open_request(connection: sa.Connection, attempt: Attempt, reference: str, rows: Sequence[Any]) -> int:
    values = {
        "campaign_id": attempt.campaign.id,
        "attempt_id": attempt.id,
        "reference": reference,
        "state": "claimed",
        "recipients": len(rows),
        "first_message_id": rows[0].id,
        "last_message_id": rows[-1].id,
        "api_campaign_id": "",
        "reason": "",
        "claimed_at": datetime.now(UTC),
    }
    return int(connection.execute(request.insert().values(values).returning(request.c.id)).scalar_one())


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


def has_planned(engine: sa.Engine, attempt: Attempt) -> bool:
    """Tell whether the attempt has anyone to send to."""
    with reading(engine) as connection:
        planned = sa.select(message.c.id).where(is_planned_by(connection, attempt))
        return connection.execute(planned.limit(1)).first() is not None
