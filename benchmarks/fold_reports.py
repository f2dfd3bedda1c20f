"""Reports folded into the latest status of their messages, out of order."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from airflow_provider_rcs.api.models import Outcome, Report
from airflow_provider_rcs.api.recipients import ListedRecipient
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.attempts import begin_attempt
from airflow_provider_rcs.store.campaigns import CampaignTerms, open_campaign
from airflow_provider_rcs.store.claims import claim_batch, settle
from airflow_provider_rcs.store.folding import fold
from airflow_provider_rcs.store.landing import land
from airflow_provider_rcs.store.planning import record_list
from benchmarks.measure import Measured, Way, measure
from benchmarks.people import rows

MESSAGES = 10_000
NAIVE_REPORTS = 1_000
_NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def run(database: str, engine: sa.Engine) -> Measured:
    """Measure it.

    :param engine: a migrated store.
    """
    metadata = sa.MetaData()
    plain = sa.Table(
        "plain_status", metadata, sa.Column("phone", sa.Text, primary_key=True), sa.Column("code", sa.Text)
    )
    metadata.create_all(engine)
    reference = _send(engine)
    return measure(
        f"reports landed and folded on {database}",
        ours=Way("landed, then folded as a set", lambda: _ours(engine, reference)),
        naive=Way("one update and commit a report", lambda: _naive(engine, plain, reference)),
        limit=Way("bare insert and one update", lambda: _limit(engine, plain)),
    )


def _send(engine: sa.Engine) -> str:
    campaign = open_campaign(engine, uuid.uuid4().hex, CampaignTerms("1"), {})
    attempt = begin_attempt(engine, campaign, "bench", timedelta(minutes=5))
    record_list(
        engine,
        attempt,
        [ListedRecipient(row["phone"], row["phone"], row["phone"], "", "", {}) for row in rows(MESSAGES)],
    )
    claim = claim_batch(engine, attempt, MESSAGES)
    assert claim is not None
    settle(engine, claim, [Outcome(each.phone, MessageState.ACCEPTED, each.phone) for each in claim.recipients], "1")
    return claim.reference


def _reports(reference: str) -> Iterator[Report]:
    reports = [
        Report(code, row["phone"], reference, service="RCS", reported_at=_NOW + timedelta(seconds=second))
        for row in rows(MESSAGES)
        for second, code in enumerate(("11", "13"))
    ]
    random.Random(1).shuffle(reports)
    return iter(reports)


def _ours(engine: sa.Engine, reference: str) -> int:
    reports = list(_reports(reference))
    for start in range(0, len(reports), 1_000):
        land(engine, reports[start : start + 1_000], _NOW)
    return fold(engine)


def _naive(engine: sa.Engine, plain: sa.Table, reference: str) -> int:
    for report, _ in zip(_reports(reference), range(NAIVE_REPORTS), strict=False):
        with engine.begin() as connection:
            here = plain.c.phone == report.phone
            if connection.execute(sa.select(plain.c.code).where(here)).first() is None:
                connection.execute(plain.insert().values(phone=report.phone, code=report.status_code))
            else:
                connection.execute(plain.update().where(here).values(code=report.status_code))
    _empty(engine, plain)
    return NAIVE_REPORTS


def _limit(engine: sa.Engine, plain: sa.Table) -> int:
    with engine.begin() as connection:
        connection.execute(plain.insert(), [{"phone": f"{n}", "code": "11"} for n in range(2 * MESSAGES)])
        connection.execute(plain.update().values(code="13"))
    _empty(engine, plain)
    return 2 * MESSAGES


def _empty(engine: sa.Engine, plain: sa.Table) -> None:
    with engine.begin() as connection:
        connection.execute(plain.delete())
