"""Reports that come out of order, folded into the latest status of their messages."""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count

import sqlalchemy as sa

from airflow_provider_rcs.api.models import Outcome, Report
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.recipients.columns import ListedRecipient
from airflow_provider_rcs.store.campaign.campaigns import CampaignTerms, open_campaign
from airflow_provider_rcs.store.inbox.folding import fold
from airflow_provider_rcs.store.inbox.landing import land
from airflow_provider_rcs.store.outbox.attempts import StartedBy, begin_attempt
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from airflow_provider_rcs.store.outbox.settlement import Settlement, settle
from benchmarks.measure import Measured, Way, measure, measure_once, sized
from benchmarks.people import rows
from tests.unit.store.given import claim_and_dispatch

_A_BATCH = 1_000
_NAIVE_REPORTS = 1_000
_NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def run(database: str, engine: sa.Engine) -> Measured:
    """Measure landing and folding two reports on each message.

    :param engine: engine of a migrated store.
    """
    ours, naive, limit = _ways(database, engine, sized(100_000))
    return measure(f"reports landed and folded on {database}", ours=ours, naive=naive, limit=limit)


def run_at_a_million(database: str, engine: sa.Engine) -> Measured:
    """Measure the same with a million reports, in one round."""
    ours, naive, limit = _ways(database, engine, 500_000)
    return measure_once(f"a million reports landed and folded on {database}", ours=ours, naive=naive, limit=limit)


def _ways(database: str, engine: sa.Engine, messages: int) -> tuple[Way, Way, Way]:
    metadata = sa.MetaData()
    columns = (sa.Column("phone", sa.Text, primary_key=True), sa.Column("code", sa.Text), sa.Column("at", sa.Text))
    plain = sa.Table("plain_status", metadata, *columns)
    metadata.create_all(engine)
    references = _send(engine, messages)
    sample = _reports(references)[:_NAIVE_REPORTS]
    bare = _copied_and_upserted if database == "PostgreSQL" else _upserted_in_order
    hours = count()
    return (
        Way("landed, then folded as a set", lambda: _ours(engine, references, next(hours))),
        Way("an update and a commit for each report", lambda: _naive(engine, plain, sample)),
        Way("one bare upsert of all reports", lambda: bare(engine, plain, references)),
    )


def _send(engine: sa.Engine, messages: int) -> Mapping[str, str]:
    """Settle a campaign as accepted, and return phone -> reference that its reports carry."""
    campaign = open_campaign(engine, uuid.uuid4().hex, CampaignTerms("1"), {})
    attempt = begin_attempt(engine, campaign, StartedBy(started_by="bench"), timedelta(minutes=5))
    listed = [ListedRecipient(row["phone"], row["phone"], row["phone"], "", "", {}) for row in rows(messages)]
    for start in range(0, messages, 10_000):
        record_list(engine, attempt, prepare_list_part(engine, listed[start : start + 10_000]))
    references: dict[str, str] = {}
    last = 0
    while claim := claim_and_dispatch(engine, attempt, _A_BATCH, after=last):
        last = claim.message_ids[-1]
        accepted = [Outcome(each.phone, MessageState.ACCEPTED, each.phone) for each in claim.recipients]
        settle(engine, [Settlement(claim, accepted, "1")])
        references |= dict.fromkeys((each.phone for each in claim.recipients), claim.reference)
    return references


def _reports(references: Mapping[str, str], hours: int = 0) -> list[Report]:
    begun = _NOW + timedelta(hours=hours)
    reports = [
        Report(code, phone, reference, service="RCS", reported_at=begun + timedelta(seconds=second))
        for phone, reference in references.items()
        for second, code in enumerate(("11", "13"))
    ]
    random.Random(1).shuffle(reports)
    return reports


def _ours(engine: sa.Engine, references: Mapping[str, str], hours: int) -> int:
    # Reports of later rounds have later dates, so that they change the messages in every round.
    reports = _reports(references, hours)
    for start in range(0, len(reports), _A_BATCH):
        land(engine, reports[start : start + _A_BATCH], _NOW)
    return fold(engine)


def _naive(engine: sa.Engine, plain: sa.Table, reports: Sequence[Report]) -> int:
    for report in reports:
        with engine.begin() as connection:
            here = plain.c.phone == report.phone
            if connection.execute(sa.select(plain.c.code).where(here)).first() is None:
                connection.execute(plain.insert().values(phone=report.phone, code=report.status_code))
            else:
                connection.execute(plain.update().where(here).values(code=report.status_code))
    _empty(engine, plain)
    return len(reports)


def _upserted_in_order(engine: sa.Engine, plain: sa.Table, references: Mapping[str, str]) -> int:
    """Upsert row by row in the order of the key, in one transaction, with SQLite's own driver."""
    upsert = (
        f"INSERT INTO {plain.name} VALUES (?, ?, ?) ON CONFLICT (phone) DO UPDATE "
        "SET code = excluded.code, at = excluded.at WHERE excluded.at > at"
    )
    bare = _bare_rows(references)
    with engine.begin() as connection:
        connection.connection.cursor().executemany(upsert, sorted(bare))
    _empty(engine, plain)
    return len(bare)


def _copied_and_upserted(engine: sa.Engine, plain: sa.Table, references: Mapping[str, str]) -> int:
    """Copy all rows to a bare table, and upsert them from there with one statement."""
    upsert = (
        f"INSERT INTO {plain.name} SELECT DISTINCT ON (phone) * FROM plain_landed ORDER BY phone, at DESC "
        "ON CONFLICT (phone) DO UPDATE SET code = excluded.code, at = excluded.at "
        f"WHERE excluded.at > {plain.name}.at"
    )
    bare = _bare_rows(references)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE TEMPORARY TABLE plain_landed (LIKE {plain.name}) ON COMMIT DROP")
        with connection.connection.cursor().copy("COPY plain_landed FROM STDIN") as copy:
            for row in bare:
                copy.write_row(row)
        connection.exec_driver_sql(upsert)
    _empty(engine, plain)
    return len(bare)


def _bare_rows(references: Mapping[str, str]) -> list[tuple[str, str, str]]:
    return [(each.phone, each.status_code, str(each.reported_at)) for each in _reports(references)]


def _empty(engine: sa.Engine, plain: sa.Table) -> None:
    with engine.begin() as connection:
        connection.execute(plain.delete())
