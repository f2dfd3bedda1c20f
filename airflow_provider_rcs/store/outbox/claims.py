"""Claims: planned messages are taken for requests, which are then allowed to leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
import sqlalchemy as sa

from airflow_provider_rcs.api.garbage import gc_paused
from airflow_provider_rcs.api.models import FrequencyCap, Recipients, recipients_of
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.campaign.campaigns import lock_campaign, new_reference
from airflow_provider_rcs.store.campaign.cancellations import require_not_cancelled
from airflow_provider_rcs.store.db.engine import reading, transaction
from airflow_provider_rcs.store.db.tables import message, request
from airflow_provider_rcs.store.outbox.attempts import Attempt, attempts_to_claim_from, require_lease
from airflow_provider_rcs.store.outbox.refused_credentials import require_not_refused
from airflow_provider_rcs.store.outbox.suppression import lock_frequency_caps, suppression_reasons


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
    leave yet: :func:`~airflow_provider_rcs.store.outbox.claims.dispatch_claims` allows it. If this process dies before, they are
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
            lock_frequency_caps(connection)
        revision = lock_campaign(connection, attempt.campaign.id)
        require_lease(connection, attempt.id)
        require_not_cancelled(connection, attempt.campaign)
        is_planned = claimable_by(connection, attempt)
        taken: list[_Taken] = []
        while len(taken) < requests and (rows := _planned(connection, is_planned, after, size)):
            after = rows[-1].id
            against = suppression_reasons(connection, attempt.campaign.id, [row.phone for row in rows], cap)
            if against:
                _suppress(connection, {row.id: against[row.phone] for row in rows if row.phone in against}, revision)
                rows = [row for row in rows if row.phone not in against]
            if rows:
                reference = new_reference(attempt.campaign.token)
                request_id = _open_request(connection, attempt, reference, rows)
                _mark_as_sending(connection, request_id, rows, is_planned, revision)
                taken.append((request_id, reference, rows))
    # Once the lock is let go, so that a reply can be settled meanwhile.
    with gc_paused():
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


def claimable_by(connection: sa.Connection, attempt: Attempt) -> sa.ColumnElement[bool]:
    """Return the condition of the messages that the attempt may claim."""
    # Only who is on this attempt's list, or on that of a later one: whoever was taken off it since is not sent to.
    # Nor who is on that of another shard: it may be one that refuses its list, and sends to nobody on it.
    return sa.and_(
        message.c.campaign_id == attempt.campaign.id,
        message.c.state == MessageState.PLANNED,
        message.c.listed_by.in_(attempts_to_claim_from(connection, attempt)),
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


def has_planned(engine: sa.Engine, attempt: Attempt) -> bool:
    """Tell whether the attempt has anyone to send to."""
    with reading(engine) as connection:
        planned = sa.select(message.c.id).where(claimable_by(connection, attempt))
        return connection.execute(planned.limit(1)).first() is not None


def dispatch_claims(engine: sa.Engine, attempt: Attempt, claims: Sequence[Claim], fingerprint: str = "") -> None:
    """Allow claimed requests to leave, all or none of them.

    This is committed before they leave, so that, if this process dies, the next one finds them in doubt and not unsent.

    :param fingerprint: of the credentials that the requests are made with.
    :raises RcsFencedError: if the attempt has lost its lease.
    :raises RcsCancelledError: if the campaign was cancelled.
    :raises RcsAuthError: if the service has refused these credentials to this campaign.
    """
    with transaction(engine) as connection:
        lock_campaign(connection, attempt.campaign.id)
        require_lease(connection, attempt.id)
        require_not_cancelled(connection, attempt.campaign)
        require_not_refused(connection, attempt.campaign.name, fingerprint)
        leaving = request.c.id.in_([claim.request_id for claim in claims])
        connection.execute(request.update().where(leaving).values(state="sending"))
