"""Campaigns for the tests of the pages: sent by a DAG, or by a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import sqlalchemy as sa

from airflow_provider_rcs.store.campaign.campaigns import open_campaign
from airflow_provider_rcs.store.outbox.attempts import StartedBy, begin_attempt
from airflow_provider_rcs.store.outbox.claims import Claim
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from airflow_provider_rcs.store.outbox.settlement import Settlement, settle
from tests.unit.store.given import ANA, TERMS, accepted, claim_next, listed

BY_A_PERSON = StartedBy(started_by="ana on a notebook")


def by_dag(dag_id: str, run_id: str = "r1", task_id: str = "send", map_index: int = -1) -> StartedBy:
    return StartedBy(dag_id, task_id, run_id, map_index, 1)


def sent_by(
    engine: sa.Engine,
    name: str,
    started_by: StartedBy = BY_A_PERSON,
    people: Sequence[str] = (ANA,),
    shard: str = "1/1",
) -> Claim:
    """Send a campaign as one request, which the service accepts."""
    attempt = begin_attempt(engine, open_campaign(engine, name, TERMS, {}), started_by, timedelta(minutes=5), shard)
    record_list(engine, attempt, prepare_list_part(engine, [listed(phone) for phone in people]))
    claim = claim_next(engine, attempt, len(people))
    settle(engine, [Settlement(claim, accepted(claim, name), "e-1")])
    return claim
