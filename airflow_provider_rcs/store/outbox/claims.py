"""Claims: batches of planned messages, each of them taken for one request, which is then allowed to leave."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
import sqlalchemy as sa

from airflow_provider_rcs.api.models import FrequencyCap, Recipient
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
    """A batch of messages that an attempt has taken for one request.

    :param reference: the request's own reference, which its reports carry back.
    :param message_ids: the ids of the messages, in the order of the recipients.
    """

    request_id: int
    campaign_id: int
    reference: str
    message_ids: tuple[int, ...]
    recipients: tuple[Recipient, ...]

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
    claimed: list[tuple[int, str, Sequence[Any]]] = []
    account = attempt.campaign.terms.account
    with transaction(engine) as connection:
        _prefer_index_order(connection)
        if cap is not None:
            lock_frequency_caps(connection)
        revision = lock_campaign(connection, attempt.campaign.id)
        require_lease(connection, attempt.id)
        require_not_cancelled(connection, attempt.campaign)
        is_claimable = claimable_by(connection, attempt)
        while len(claimed) < requests and (rows := _planned_rows(connection, is_claimable, after, size)):
            after = rows[-1].id
            phones, send_at = [row.phone for row in rows], attempt.campaign.terms.send_at
            reasons = suppression_reasons(connection, account, phones, cap, send_at)
            if reasons:
                _suppress(connection, {row.id: reasons[row.phone] for row in rows if row.phone in reasons}, revision)
                rows = [row for row in rows if row.phone not in reasons]
            if rows:
                reference = new_reference(attempt.campaign.token)
                request_id = _insert_request(connection, attempt, reference, rows)
                _mark_as_sending(connection, request_id, rows, is_claimable, revision)
                claimed.append((request_id, reference, rows))
    # Built after the lock is released, so that replies can be settled meanwhile.
    return [_claim(attempt.campaign.id, *each) for each in claimed]


def dispatch_claims(engine: sa.Engine, attempt: Attempt, claims: Sequence[Claim], fingerprint: str = "") -> None:
    """Allow the requests of claims to leave, either all of them or none.

    This is committed before they leave: if this process dies, the next attempt finds their messages in doubt, and not
    unsent.

    :param fingerprint: of the credentials that the requests are made with.
    :raises RcsFencedError: if the attempt has lost its lease.
    :raises RcsCancelledError: if the campaign was cancelled.
    :raises RcsAuthError: if the service has refused these credentials in this campaign.
    """
    with transaction(engine) as connection:
        lock_campaign(connection, attempt.campaign.id)
        require_lease(connection, attempt.id)
        require_not_cancelled(connection, attempt.campaign)
        require_not_refused(connection, attempt.campaign.name, fingerprint)
        is_dispatched = request.c.id.in_([claim.request_id for claim in claims])
        connection.execute(request.update().where(is_dispatched).values(state="sending"))


def has_planned(engine: sa.Engine, attempt: Attempt) -> bool:
    """Return whether the attempt could claim a message now."""
    with reading(engine) as connection:
        claimable = sa.select(message.c.id).where(claimable_by(connection, attempt))
        return connection.execute(claimable.limit(1)).first() is not None


def claimable_by(connection: sa.Connection, attempt: Attempt) -> sa.ColumnElement[bool]:
    """Return the condition for messages that the attempt may claim."""
    # Only recipients on the list of this attempt or of a later one at the same shard. Recipients that a later list
    # does not contain any more are not sent to, and neither are those of other shards: another shard may have refused
    # its list, and then sends to nobody on it.
    return sa.and_(
        message.c.campaign_id == attempt.campaign.id,
        message.c.state == MessageState.PLANNED,
        message.c.listed_by.in_(attempts_to_claim_from(connection, attempt)),
    )


def _prefer_index_order(connection: sa.Connection) -> None:
    """Have PostgreSQL read the next messages from the index, where it can stop after the last one that is wanted.

    As long as it has no statistics of the table, it assumes that a campaign is small, and would read and sort all of
    its messages for every claim.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL enable_sort = off")


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


def _insert_request(connection: sa.Connection, attempt: Attempt, reference: str, rows: Sequence[Any]) -> int:
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
