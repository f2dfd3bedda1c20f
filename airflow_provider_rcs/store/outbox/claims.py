"""Claims: batches of planned messages, each of them taken for one request, which is then allowed to leave."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import orjson
import sqlalchemy as sa

from airflow_provider_rcs.api.models import FrequencyCap, Recipient
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.campaign.campaigns import locking, lost_commits_error, new_reference
from airflow_provider_rcs.store.db.engine import reading_once, transaction
from airflow_provider_rcs.store.db.tables import message, request
from airflow_provider_rcs.store.outbox.attempts import ActiveAttempt, Attempt, require_active
from airflow_provider_rcs.store.outbox.frequency_caps import lock_capped_phones
from airflow_provider_rcs.store.outbox.suppression import suppression_reasons

# Has PostgreSQL read the next messages from the index, where it can stop after the last one that is wanted. As long as
# it has no statistics of the table, it assumes that a campaign is small, and would read and sort all of its messages
# for every claim.
_PREFER_INDEX_ORDER = "SET LOCAL enable_sort = off"


@dataclass(frozen=True, slots=True)
class Claim:
    """A batch of messages that an attempt has taken for one request.

    :param reference: the request's own reference, which its reports carry back.
    :param message_ids: the ids of the messages, in the order of the recipients.
    :param is_last: whether no message was planned behind these when they were claimed.
    :param claimed_at: when that was, in seconds of this process's monotonic clock.
    """

    request_id: int
    campaign_id: int
    reference: str
    message_ids: tuple[int, ...]
    recipients: tuple[Recipient, ...]
    is_last: bool = False
    claimed_at: float = field(default_factory=time.monotonic, compare=False)

    @property
    def phones(self) -> list[str]:
        """The phones of the recipients, in their order."""
        return [recipient.phone for recipient in self.recipients]


def claim_batches(
    engine: sa.Engine,
    attempt: Attempt,
    size: int,
    cap: FrequencyCap | None = None,
    *,
    requests: int = 1,
    after: int = 0,
) -> list[Claim]:
    """Claim the next planned messages of the attempt's list, for one or several requests.

    The messages are committed as ``sending`` before this returns, so that no other attempt claims them. Their requests
    must not leave before :func:`dispatch_claims`. If this process dies before that, the messages are planned again.
    Messages that must not be sent are suppressed instead of claimed.

    :param size: the maximum number of recipients of a request.
    :param cap: the limit of messages for each phone.
    :param requests: the maximum number of requests.
    :param after: claim only messages with a higher id than this.
    :return: a claim for each request; fewer than ``requests``, or none, if not enough messages are planned.
    :raises RcsFencedError: if the attempt has lost its lease.
    :raises RcsCancelledError: if the campaign was cancelled.
    """
    claims: list[Claim] = []
    while len(claims) < requests:
        # One transaction after the other: all phones under a cap must be locked at once.
        some, last = _claim_some(engine, attempt, size, cap, requests - len(claims), after)
        claims += some
        if last is None:
            return [*claims[:-1], *(replace(each, is_last=True) for each in claims[-1:])]
        after = last
    return claims


def claim_left_over(
    engine: sa.Engine, attempt: Attempt, size: int, cap: FrequencyCap | None = None, *, requests: int = 1
) -> list[Claim]:
    """Like :func:`claim_batches`, for an attempt that has probably sent to its whole list: look before locking."""
    with reading_once(engine) as connection:
        planned = sa.select(message.c.id).where(_is_planned_for(attempt, require_active(connection, attempt)))
        if connection.execute(planned.limit(1)).first() is None:
            return []
    return claim_batches(engine, attempt, size, cap, requests=requests)


def dispatch_claims(engine: sa.Engine, attempt: Attempt, claims: Sequence[Claim], fingerprint: str = "") -> None:
    """Allow the requests of claims to leave, either all of them or none.

    This is committed before they leave: if this process dies, the next attempt finds their messages in doubt, and not
    unsent.

    :param fingerprint: of the credentials that the requests are made with.
    :raises RcsFencedError: if the attempt has lost its lease.
    :raises RcsCancelledError: if the campaign was cancelled.
    :raises RcsAuthError: if the service has refused these credentials in this campaign.
    :raises RcsStoreError: if the store does not know one of the claims any more.
    """
    with transaction(engine, locking(attempt.campaign.id)) as connection:
        require_active(connection, attempt, fingerprint)
        # By their references: a store that has lost their commits may have given their ids anew.
        are_claimed = sa.and_(
            request.c.reference.in_([claim.reference for claim in claims]), request.c.state == "claimed"
        )
        if connection.execute(request.update().where(are_claimed).values(state="sending")).rowcount < len(claims):
            raise lost_commits_error()


def has_planned(engine: sa.Engine, attempt: Attempt) -> bool:
    """Return whether the attempt could claim a message now."""
    with reading_once(engine) as connection:
        claimable = sa.select(message.c.id).where(claimable_by(connection, attempt))
        return connection.execute(claimable.limit(1)).first() is not None


def claimable_by(connection: sa.Connection, attempt: Attempt) -> sa.ColumnElement[bool]:
    """Return the condition for messages that the attempt may claim.

    :raises RcsFencedError: if the attempt has lost its lease.
    :raises RcsCancelledError: if the campaign was cancelled.
    """
    return _is_planned_for(attempt, require_active(connection, attempt))


def _is_planned_for(attempt: Attempt, active: ActiveAttempt) -> sa.ColumnElement[bool]:
    # Only recipients on the list of this attempt or of a later one at the same shard. Recipients that a later list
    # does not contain any more are not sent to, and neither are those of other shards: another shard may have refused
    # its list, and then sends to nobody on it. By numbers: with a subquery in their place, a database may sort all
    # planned messages for every claim.
    return sa.and_(
        message.c.campaign_id == attempt.campaign.id,
        message.c.state == MessageState.PLANNED,
        message.c.listed_by.in_(active.claims_from),
    )


def _claim_some(
    engine: sa.Engine, attempt: Attempt, size: int, cap: FrequencyCap | None, requests: int, after: int
) -> tuple[list[Claim], int | None]:
    """Claim the next planned messages in one transaction.

    :return: the claims, and the id of the last message that was considered; ``None`` if no more are planned.
    """
    campaign = attempt.campaign
    settings = [_PREFER_INDEX_ORDER] if engine.dialect.name == "postgresql" else []
    with transaction(engine, *settings, locking(campaign.id)) as connection:
        active = require_active(connection, attempt)
        is_claimable, revision = _is_planned_for(attempt, active), active.revision
        rows = _planned_rows(connection, is_claimable, after, size * requests)
        phones = [row.phone for row in rows]
        if cap is not None and phones:
            lock_capped_phones(connection, phones)
        account, send_at = campaign.terms.account, campaign.terms.send_at
        reasons = suppression_reasons(connection, account, phones, cap, send_at) if phones else {}
        if reasons:
            _suppress(connection, {row.id: reasons[row.phone] for row in rows if row.phone in reasons}, revision)
        batches = [rows[start : start + size] for start in range(0, len(rows), size)]
        left = [[row for row in batch if row.phone not in reasons] for batch in batches]
        claimed = _insert_requests(connection, attempt, [batch for batch in left if batch])
        for request_id, _, batch in claimed:
            _mark_as_sending(connection, request_id, batch, is_claimable, revision)
    # Built after the lock is released, so that replies can be settled meanwhile.
    claims = [_claim(campaign.id, *each) for each in claimed]
    return claims, rows[-1].id if len(rows) == size * requests else None


def _planned_rows(
    connection: sa.Connection, is_claimable: sa.ColumnElement[bool], after: int, size: int
) -> Sequence[Any]:
    # The variables are read as text, to be parsed all at once.
    variables = sa.cast(message.c.variables, sa.Text).label("variables")
    columns = (message.c.id, message.c.phone, message.c.name, message.c.reference, variables)
    planned = sa.select(*columns).where(is_claimable, message.c.id > after).order_by(message.c.id).limit(size)
    return connection.execute(planned).all()


def _suppress(connection: sa.Connection, reasons: Mapping[int, str], revision: int) -> None:
    for reason in set(reasons.values()):
        ids = [message_id for message_id, its_reason in reasons.items() if its_reason == reason]
        connection.execute(
            message.update()
            .where(message.c.id.in_(ids))
            .values(state=MessageState.SUPPRESSED, reason=reason, revision=revision, updated_at=datetime.now(UTC))
        )


def _insert_requests(
    connection: sa.Connection, attempt: Attempt, batches: Sequence[Sequence[Any]]
) -> list[tuple[int, str, Sequence[Any]]]:
    """Insert a request for each batch of rows, and return its id and its reference with them."""
    values = [
        {
            "campaign_id": attempt.campaign.id,
            "attempt_id": attempt.id,
            "reference": new_reference(attempt.campaign.token),
            "state": "claimed",
            "recipients": len(batch),
            "first_message_id": batch[0].id,
            "last_message_id": batch[-1].id,
            "api_campaign_id": "",
            "reason": "",
            "claimed_at": datetime.now(UTC),
        }
        for batch in batches
    ]
    if not values:
        return []
    ids = request.insert().returning(request.c.id, sort_by_parameter_order=True)
    inserted = connection.execute(ids, values).scalars()
    return [(row, each["reference"], batch) for row, each, batch in zip(inserted, values, batches, strict=True)]


def _mark_as_sending(
    connection: sa.Connection,
    request_id: int,
    rows: Sequence[Any],
    is_claimable: sa.ColumnElement[bool],
    revision: int,
) -> None:
    # While the campaign is locked, the claimable rows between the first and the last of these are exactly these.
    connection.execute(
        message.update()
        .where(is_claimable, message.c.id.between(rows[0].id, rows[-1].id))
        .values(state=MessageState.SENDING, request_id=request_id, revision=revision, updated_at=datetime.now(UTC))
    )


def _claim(campaign_id: int, request_id: int, reference: str, rows: Sequence[Any]) -> Claim:
    ids, phones, names, references, variables = zip(*rows, strict=True)
    recipients = map(Recipient, phones, names, references, orjson.loads(f"[{','.join(variables)}]"))
    return Claim(request_id, campaign_id, reference, ids, tuple(recipients))
