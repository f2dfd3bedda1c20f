"""Attempts at a campaign, each of which proves with a lease that it is alive."""

from __future__ import annotations

import os
import socket
from collections import Counter
from dataclasses import asdict, dataclass, field, fields
from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsFencedError
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.campaign.campaigns import Campaign
from airflow_provider_rcs.store.db.clock import database_now, sql_now
from airflow_provider_rcs.store.db.engine import reading, transaction
from airflow_provider_rcs.store.db.tables import attempt as attempts
from airflow_provider_rcs.store.db.tables import message, request, scheduled

WHOLE_LIST = "1/1"

# States of the requests that have no outcome yet.
OPEN_REQUEST_STATES = ("claimed", "sending")


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
    with transaction(engine) as connection:
        now = database_now(connection)
        values = {
            "campaign_id": campaign.id,
            **asdict(started_by),
            "shard": shard,
            "started_at": now,
            "lease_until": now + lease,
        }
        attempt_id = connection.execute(attempts.insert().values(values).returning(attempts.c.id)).scalar_one()
    return Attempt(int(attempt_id), campaign, lease, shard)


def started_by_of_row(row: sa.Row[Any]) -> StartedBy:
    """Return what made an attempt, of a row that has these columns of ``rcs_attempt``."""
    return StartedBy(**{each.name: row._mapping[each.name] for each in fields(StartedBy)})


def renew_lease(engine: sa.Engine, attempt: Attempt) -> None:
    """Extend the attempt's lease by its full length from now.

    :raises RcsFencedError: if the lease has expired, because another attempt may have taken over since.
    """
    with transaction(engine) as connection:
        require_lease(connection, attempt.id)
        until = database_now(connection) + attempt.lease
        connection.execute(attempts.update().where(attempts.c.id == attempt.id).values(lease_until=until))


def require_lease(connection: sa.Connection, attempt_id: int) -> None:
    """Check that the attempt still has its lease, within the transaction that depends on it.

    :raises RcsFencedError: if the lease has expired or the attempt has ended.
    """
    is_over = sa.or_(attempts.c.ended_at.is_not(None), attempts.c.lease_until < sql_now(connection))
    if connection.execute(sa.select(is_over).where(attempts.c.id == attempt_id)).scalar_one():
        raise RcsFencedError(
            "this attempt at the campaign was suspended for longer than its lease, and another attempt may have taken "
            "over its recipients; it sends nothing more. Retry the task: it continues where the campaign stands."
        )


def end_attempt(engine: sa.Engine, attempt: Attempt) -> None:
    """Mark the attempt as ended.

    An attempt that leaves requests without an outcome is not ended. Its lease expires, and another attempt then
    recovers these requests.
    """
    has_open_requests = sa.exists().where(request.c.attempt_id == attempt.id, request.c.state.in_(OPEN_REQUEST_STATES))
    with transaction(engine) as connection:
        connection.execute(
            attempts.update()
            .where(attempts.c.id == attempt.id, attempts.c.ended_at.is_(None), sa.not_(has_open_requests))
            .values(ended_at=database_now(connection))
        )


def count_shard_states(engine: sa.Engine, attempt: Attempt) -> Counter[MessageState]:
    """Return the number of messages in each state, for the attempt's shard."""
    counts = sa.select(message.c.state, sa.func.count()).where(in_shard_of(attempt)).group_by(message.c.state)
    with reading(engine) as connection:
        return Counter({MessageState(state): count for state, count in connection.execute(counts)})


def attempts_to_claim_from(connection: sa.Connection, attempt: Attempt) -> list[int]:
    """Return the ids of the attempts whose lists this one sends to: itself, and later attempts at the same shard.

    A later attempt that schedules the campaign is left out until its list is complete.
    """
    incomplete = sa.select(scheduled.c.listed_by).where(
        scheduled.c.campaign_id == attempt.campaign.id,
        sa.not_(scheduled.c.is_whole),
        scheduled.c.listed_by != attempt.id,
    )
    # Returned as numbers: with a subquery in its place, a database may sort all planned messages for every claim.
    ids = sa.select(attempts.c.id).where(
        _has_same_shard(attempt), attempts.c.id >= attempt.id, attempts.c.id.not_in(incomplete)
    )
    return list(connection.execute(ids).scalars())


def in_shard_of(attempt: Attempt) -> sa.ColumnElement[bool]:
    """Return the condition for messages that were last listed by an attempt at the same shard."""
    return sa.and_(
        message.c.campaign_id == attempt.campaign.id,
        message.c.listed_by.in_(sa.select(attempts.c.id).where(_has_same_shard(attempt)).correlate(None)),
    )


def _has_same_shard(attempt: Attempt) -> sa.ColumnElement[bool]:
    return sa.and_(attempts.c.campaign_id == attempt.campaign.id, attempts.c.shard == attempt.shard)
