"""The attempts at a campaign for people: which tasks sent it, when, and how much of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.store.db.clock import sql_now
from airflow_provider_rcs.store.db.engine import reading
from airflow_provider_rcs.store.db.leases import is_alive_at
from airflow_provider_rcs.store.db.tables import attempt, request
from airflow_provider_rcs.store.outbox.attempts import StartedBy, started_by_of_row
from airflow_provider_rcs.store.read.campaign_list import DagIds


@dataclass(frozen=True, slots=True)
class ListedAttempt:
    """An attempt at a campaign.

    :param started_by: the task, or the person and the call.
    :param shard: the part of the list that it sends to, such as ``"2/4"``; ``"1/1"`` for the whole list.
    :param ended_at: ``None`` if it did not end by itself.
    :param is_alive: whether it is sending now.
    :param requests: how many it claimed.
    :param recipients: those of its requests.
    """

    started_by: StartedBy
    shard: str
    started_at: datetime
    ended_at: datetime | None
    is_alive: bool
    requests: int
    recipients: int


@dataclass(frozen=True, slots=True)
class Attempts:
    """The attempts at a campaign, as far as they are listed.

    :param listed: the newest first.
    :param others: how many more there are: older ones, and those of tasks of other DAGs.
    """

    listed: Sequence[ListedAttempt]
    others: int


def read_attempts(engine: sa.Engine, campaign_id: int, dag_ids: DagIds, most: int = 50) -> Attempts:
    """Return the attempts at a campaign.

    :param dag_ids: the DAGs whose attempts are listed; ``None`` for all attempts, also those without a DAG.
    :param most: how many are listed at most.
    """
    of_campaign = attempt.c.campaign_id == campaign_id
    is_listed = sa.true() if dag_ids is None else attempt.c.dag_id.in_(sorted(dag_ids))
    requests = (
        sa.select(
            request.c.attempt_id,
            sa.func.count().label("requests"),
            sa.func.sum(request.c.recipients).label("recipients"),
        )
        .where(request.c.campaign_id == campaign_id, request.c.state != "unsent")
        .group_by(request.c.attempt_id)
        .subquery()
    )
    starter = [attempt.c[each.name] for each in fields(StartedBy)]
    with reading(engine) as connection:
        total = connection.execute(sa.select(sa.func.count()).select_from(attempt).where(of_campaign)).scalar_one()
        attempts: sa.Select[Any] = (
            sa.select(
                *starter,
                *(attempt.c[name] for name in ("shard", "started_at", "ended_at")),
                is_alive_at(sql_now(connection)).label("is_alive"),
                requests.c.requests,
                requests.c.recipients,
            )
            .outerjoin(requests, requests.c.attempt_id == attempt.c.id)
            .where(of_campaign, is_listed)
            .order_by(attempt.c.id.desc())
            .limit(most)
        )
        rows = connection.execute(attempts).all()
    listed = [
        ListedAttempt(
            started_by_of_row(row),
            row.shard,
            row.started_at,
            row.ended_at,
            is_alive=row.is_alive,
            requests=row.requests or 0,
            recipients=int(row.recipients or 0),
        )
        for row in rows
    ]
    return Attempts(listed, total - len(listed))
