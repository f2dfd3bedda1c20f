"""The ledger: recipients planned, claimed and settled, 1,000 to a commit, on SQLite and on PostgreSQL."""

from __future__ import annotations

import uuid
from datetime import timedelta

import sqlalchemy as sa

from airflow_provider_rcs.api.models import Outcome
from airflow_provider_rcs.api.recipients import ListedRecipient
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.attempts import begin_attempt
from airflow_provider_rcs.store.campaigns import CampaignTerms, open_campaign
from benchmarks.measure import Measured, Way, measure, sized
from benchmarks.people import rows
from tests.one_request import claim_batch, record_list, settle

COUNT = sized(20_000)
NAIVE_COUNT = 500
BATCH = 1_000


def run(database: str, engine: sa.Engine) -> Measured:
    """Measure it.

    :param engine: a migrated store.
    """
    plain = sa.Table("plain", sa.MetaData(), sa.Column("phone", sa.Text), sa.Column("state", sa.Text))
    plain.create(engine)
    return measure(
        f"the ledger on {database}: planned, sending, settled",
        ours=Way("three commits a batch", lambda: _ours(engine)),
        naive=Way("three commits a recipient", lambda: _naive(engine, plain)),
        limit=Way("bare insert and two updates", lambda: _limit(engine, plain)),
    )


def _ours(engine: sa.Engine) -> int:
    campaign = open_campaign(engine, uuid.uuid4().hex, CampaignTerms("1"), {})
    attempt = begin_attempt(engine, campaign, "bench", timedelta(minutes=5))
    listed = [
        ListedRecipient(row["phone"], row["phone"], row["phone"], row["name"], "", row["variables"])
        for row in rows(COUNT)
    ]
    for start in range(0, COUNT, BATCH):
        record_list(engine, attempt, listed[start : start + BATCH])
    last = 0
    while claim := claim_batch(engine, attempt, BATCH, after=last):
        last = claim.message_ids[-1]
        accepted = [Outcome(person.phone, MessageState.ACCEPTED, person.phone) for person in claim.recipients]
        settle(engine, claim, accepted, "1")
    return COUNT


def _naive(engine: sa.Engine, plain: sa.Table) -> int:
    for row in rows(NAIVE_COUNT):
        here = plain.c.phone == row["phone"]
        for statement in (
            plain.insert().values(phone=row["phone"], state="planned"),
            plain.update().where(here).values(state="sending"),
            plain.update().where(here).values(state="accepted"),
        ):
            with engine.begin() as connection:
                connection.execute(statement)
    with engine.begin() as connection:
        connection.execute(plain.delete())
    return NAIVE_COUNT


def _limit(engine: sa.Engine, plain: sa.Table) -> int:
    with engine.begin() as connection:
        connection.execute(plain.insert(), [{"phone": row["phone"], "state": "planned"} for row in rows(COUNT)])
    for state in ("sending", "accepted"):
        with engine.begin() as connection:
            connection.execute(plain.update().values(state=state))
    with engine.begin() as connection:
        connection.execute(plain.delete())
    return COUNT
