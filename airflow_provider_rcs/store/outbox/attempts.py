"""Attempts at a campaign, each of which proves with a lease that it is alive."""

from __future__ import annotations

import os
import socket
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsFencedError
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.campaign.campaigns import Campaign, lost_commits_error
from airflow_provider_rcs.store.campaign.cancellations import cancellation_of_row, cancelled_error
from airflow_provider_rcs.store.db.clock import sql_now
from airflow_provider_rcs.store.db.engine import durable_by_itself, reading_once, writing_once
from airflow_provider_rcs.store.db.leases import is_alive_at
from airflow_provider_rcs.store.db.tables import attempt as attempts
from airflow_provider_rcs.store.db.tables import campaign as campaigns
from airflow_provider_rcs.store.db.tables import cancellation as cancellations
from airflow_provider_rcs.store.db.tables import message, refused_credentials, request, scheduled
from airflow_provider_rcs.store.outbox.refused_credentials import refused_error

WHOLE_LIST = "1/1"

# States of the requests that have no outcome yet.
OPEN_REQUEST_STATES = ("claimed", "sending")

_FENCED = (
    "this attempt at the campaign was suspended for longer than its lease, and another attempt may have taken over its "
    "recipients; it sends nothing more. Retry the task: it continues where the campaign stands."
)


@dataclass(frozen=True, slots=True)
class StartedBy:
    """What makes an attempt: a task of Airflow, or else a person.

    :param dag_id: of the task, as in Airflow; like the next four, ``None`` outside of a task.
    :param run_id: ``None`` also where an operator is executed without a run.
    :param map_index: -1 for a task that is not mapped.
    :param started_by: outside of a task, the person and the call.
    :param host: the machine that sends.
    :param process: its process.
    """

    dag_id: str | None = None
    task_id: str | None = None
    run_id: str | None = None
    map_index: int | None = None
    try_number: int | None = None
    started_by: str = ""
    host: str = field(default_factory=socket.gethostname)
    process: int = field(default_factory=os.getpid)

    def __str__(self) -> str:
        """Return all of it for people, such as ``shop/send[3]/manual, try 2 (worker-1, process 77)``."""
        mapped = "" if self.map_index in (None, -1) else f"[{self.map_index}]"
        run = f"/{self.run_id}, try {self.try_number}" if self.run_id else ", without a run"
        who = self.started_by or f"{self.dag_id}/{self.task_id}{mapped}{run}"
        return f"{who} ({self.host}, process {self.process})"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One process that sends a campaign.

    :param shard: the part of the list that it sends to, such as ``"2/4"``; ``"1/1"`` for the whole list.
    """

    id: int
    campaign: Campaign
    lease: timedelta
    shard: str = WHOLE_LIST


def begin_attempt(
    engine: sa.Engine, campaign: Campaign, started_by: StartedBy, lease: timedelta, shard: str = WHOLE_LIST
) -> Attempt:
    """Record a new attempt at the campaign, and give it a lease.

    :param started_by: what makes it.
    :param lease: how long the attempt counts as alive without renewing its lease.
    :param shard: the part of the list that it sends to.
    """
    with writing_once(engine) as connection:
        values = {
            "campaign_id": sa.literal(campaign.id, attempts.c.campaign_id.type),
            **{name: sa.literal(value, attempts.c[name].type) for name, value in asdict(started_by).items()},
            "shard": sa.literal(shard),
            "started_at": sql_now(connection),
            "lease_until": sql_now(connection, lease),
        }
        row = sa.select(*values.values()).where(durable_by_itself(connection.dialect.name))
        insert = attempts.insert().from_select(list(values), row).returning(attempts.c.id)
        return Attempt(int(connection.execute(insert).scalar_one()), campaign, lease, shard)


def started_by_of_row(row: sa.Row[Any]) -> StartedBy:
    """Return what made an attempt, of a row that has these columns of ``rcs_attempt``."""
    return StartedBy(**{each.name: row._mapping[each.name] for each in fields(StartedBy)})


def renew_lease(engine: sa.Engine, attempt: Attempt) -> None:
    """Extend the attempt's lease by its full length from now.

    :raises RcsFencedError: if the lease has expired, because another attempt may have taken over since.
    """
    with writing_once(engine) as connection:
        renewed = connection.execute(
            attempts.update()
            .where(
                attempts.c.id == attempt.id,
                is_alive_at(sql_now(connection)),
                durable_by_itself(connection.dialect.name),
            )
            .values(lease_until=sql_now(connection, attempt.lease))
        ).rowcount
    if not renewed:
        raise RcsFencedError(_FENCED)


@dataclass(frozen=True, slots=True)
class ActiveAttempt:
    """What an attempt that is still active needs to know in a transaction.

    :param claims_from: the ids of the attempts whose lists it sends to: itself, and later attempts at the same shard.
    :param revision: the revision for the changes that the transaction makes.
    :param is_pseudonymised: whether recipients of the campaign were replaced by pseudonyms.
    """

    claims_from: Sequence[int]
    revision: int
    is_pseudonymised: bool


def require_active(connection: sa.Connection, attempt: Attempt, fingerprint: str = "") -> ActiveAttempt:
    """Check that an attempt may go on, within the transaction that depends on it and has locked the campaign.

    All of it is read by one statement, because each transaction of a send does.

    :param fingerprint: of the credentials that requests are about to be made with; empty if none are.
    :raises RcsFencedError: if its lease has expired or the attempt has ended.
    :raises RcsCancelledError: if the campaign was cancelled.
    :raises RcsAuthError: if the service has refused these credentials in the campaign.
    :raises RcsStoreError: if the store does not know the attempt any more.
    """
    of_credentials = sa.and_(
        refused_credentials.c.campaign == campaigns.c.name, refused_credentials.c.fingerprint == fingerprint
    )
    # A later attempt that schedules the campaign is left out until its list is complete.
    is_incomplete = sa.exists().where(
        scheduled.c.campaign_id == attempts.c.campaign_id,
        scheduled.c.listed_by == attempts.c.id,
        sa.not_(scheduled.c.is_whole),
    )
    rows = connection.execute(
        sa.select(
            attempts.c.id,
            sa.not_(is_alive_at(sql_now(connection))).label("is_over"),
            campaigns.c.revision,
            campaigns.c.pseudonymised_at,
            cancellations.c.decided_by,
            cancellations.c.reason,
            cancellations.c.decided_at,
            refused_credentials.c.refused_at,
        )
        .join(campaigns, campaigns.c.id == attempts.c.campaign_id)
        .outerjoin(cancellations, cancellations.c.campaign_id == campaigns.c.id)
        .outerjoin(refused_credentials, of_credentials)
        .where(
            attempts.c.id >= attempt.id,
            _has_same_shard(attempt),
            sa.or_(attempts.c.id == attempt.id, sa.not_(is_incomplete)),
        )
        .order_by(attempts.c.id)
    ).all()
    if not rows or rows[0].id != attempt.id:
        raise lost_commits_error()
    own = rows[0]
    if own.is_over:
        raise RcsFencedError(_FENCED)
    if cancellation := cancellation_of_row(own):
        raise cancelled_error(attempt.campaign, cancellation)
    if own.refused_at is not None:
        raise refused_error(attempt.campaign.name, own.refused_at)
    return ActiveAttempt([row.id for row in rows], own.revision, own.pseudonymised_at is not None)


def end_attempt(engine: sa.Engine, attempt: Attempt) -> None:
    """Mark the attempt as ended.

    An attempt that leaves requests without an outcome is not ended. Its lease expires, and another attempt then
    recovers these requests.
    """
    has_open_requests = sa.exists().where(request.c.attempt_id == attempt.id, request.c.state.in_(OPEN_REQUEST_STATES))
    with writing_once(engine) as connection:
        connection.execute(
            attempts.update()
            .where(
                attempts.c.id == attempt.id,
                attempts.c.ended_at.is_(None),
                sa.not_(has_open_requests),
                durable_by_itself(connection.dialect.name),
            )
            .values(ended_at=sql_now(connection))
        )


def count_shard_states(engine: sa.Engine, attempt: Attempt) -> Counter[MessageState]:
    """Return the number of messages in each state, for the attempt's shard."""
    counts = sa.select(message.c.state, sa.func.count()).where(in_shard_of(attempt)).group_by(message.c.state)
    with reading_once(engine) as connection:
        return Counter({MessageState(state): count for state, count in connection.execute(counts)})


def in_shard_of(attempt: Attempt) -> sa.ColumnElement[bool]:
    """Return the condition for messages that were last listed by an attempt at the same shard."""
    return sa.and_(
        message.c.campaign_id == attempt.campaign.id,
        message.c.listed_by.in_(sa.select(attempts.c.id).where(_has_same_shard(attempt)).correlate(None)),
    )


def _has_same_shard(attempt: Attempt) -> sa.ColumnElement[bool]:
    return sa.and_(attempts.c.campaign_id == attempt.campaign.id, attempts.c.shard == attempt.shard)
