"""Recipients planned, claimed and settled in the ledger, on SQLite and on PostgreSQL.

The commits are as large as in a send whose service answers at once: a chunk of the list, or some requests of 1,000.
"""

from __future__ import annotations

import gc
import statistics
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa

from airflow_provider_rcs.api.garbage import infrequent_collections
from airflow_provider_rcs.api.models import Outcome
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.recipients.chunks import ROWS_PER_CHUNK
from airflow_provider_rcs.recipients.columns import ListedRecipient
from airflow_provider_rcs.sending.campaign import record_chunks
from airflow_provider_rcs.store.campaign.campaigns import CampaignTerms, open_campaign
from airflow_provider_rcs.store.outbox.attempts import Attempt, StartedBy, begin_attempt
from airflow_provider_rcs.store.outbox.claims import Claim, claim_batches
from airflow_provider_rcs.store.outbox.settlement import Settlement, settle
from benchmarks.measure import ROUNDS, Measured, sized
from benchmarks.people import rows

COUNT = sized(60_000)
NAIVE_COUNT = 500
BATCH = 1_000
# The mean of a send with eight requests in flight.
_REQUESTS_TOGETHER = 3
_STEPS = ("planned", "claimed", "settled")


@dataclass(frozen=True)
class MeasuredSteps(Measured):
    """Recipients per second through all three steps of each way, and through each step.

    :param steps: the rates of the steps of each way, in order, round by round.
    """

    steps: Mapping[str, list[Sequence[float]]]

    def _cell(self, way: str) -> str:
        medians = map(statistics.median, zip(*self.steps[way], strict=True))
        each = ", ".join(f"{step} {rate:,.0f}/s" for step, rate in zip(_STEPS, medians, strict=True))
        return f"{super()._cell(way)} ({each})"


def run(database: str, engine: sa.Engine) -> Measured:
    """Measure the three steps.

    :param engine: engine of a migrated store.
    """
    plain = sa.Table("plain", sa.MetaData(), sa.Column("phone", sa.Text, primary_key=True), sa.Column("state", sa.Text))
    ways = {"ours": _ours, "naive": _naive, "limit": _limit}
    rates: dict[str, list[float]] = {way: [] for way in ways}
    steps: dict[str, list[Sequence[float]]] = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for way, measured in ways.items():
            count = NAIVE_COUNT if way == "naive" else COUNT
            gc.collect()
            plain.create(engine)
            taken = measured(engine, plain, count)
            plain.drop(engine)
            rates[way].append(count / sum(taken))
            steps[way].append([count / seconds for seconds in taken])
    return MeasuredSteps(f"the ledger on {database}: planned, claimed, settled", rates, steps)


@infrequent_collections()  # as in a send
def _ours(engine: sa.Engine, _plain: sa.Table, count: int) -> Sequence[float]:
    campaign = open_campaign(engine, uuid.uuid4().hex, CampaignTerms("1"), {})
    attempt = begin_attempt(engine, campaign, StartedBy(started_by="bench"), timedelta(minutes=5))
    listed = [
        ListedRecipient(row["phone"], row["phone"], row["phone"], row["name"], "", row["variables"])
        for row in rows(count)
    ]
    begun = time.perf_counter()
    record_chunks(
        engine, attempt, (listed[start : start + ROWS_PER_CHUNK] for start in range(0, count, ROWS_PER_CHUNK)), set()
    )
    planned = time.perf_counter()
    claimed = list(_claimed(engine, attempt))
    all_claimed = time.perf_counter()
    for claims in claimed:
        settle(engine, [Settlement(claim, _accepted(claim), "1") for claim in claims])
    return planned - begun, all_claimed - planned, time.perf_counter() - all_claimed


def _claimed(engine: sa.Engine, attempt: Attempt) -> Iterator[Sequence[Claim]]:
    last = 0
    while claims := claim_batches(engine, attempt, BATCH, requests=_REQUESTS_TOGETHER, after=last):
        last = claims[-1].message_ids[-1]
        yield claims


def _accepted(claim: Claim) -> Sequence[Outcome]:
    return [Outcome(person.phone, MessageState.ACCEPTED, person.phone) for person in claim.recipients]


def _naive(engine: sa.Engine, plain: sa.Table, count: int) -> Sequence[float]:
    """Create an ORM object for each recipient and change it twice, with a commit each time."""
    from sqlalchemy.orm import Session, registry

    class Message:
        phone: str
        state: str

    registry().map_imperatively(Message, plain)
    taken = []
    people = list(rows(count))
    for state in _STEPS:
        begun = time.perf_counter()
        for row in people:
            with Session(engine) as session:
                if state == "planned":
                    message = Message()
                    message.phone = row["phone"]
                    session.add(message)
                else:
                    message = session.query(Message).filter_by(phone=row["phone"]).one()
                message.state = state
                session.commit()
        taken.append(time.perf_counter() - begun)
    return taken


def _limit(engine: sa.Engine, plain: sa.Table, count: int) -> Sequence[float]:
    """Insert two columns of each row and change one of them twice, each step as one statement and one commit."""
    people = [{"phone": row["phone"], "state": "planned"} for row in rows(count)]
    taken = []
    for statement, given in (
        (plain.insert(), people),
        (plain.update().values(state="claimed"), None),
        (plain.update().values(state="settled"), None),
    ):
        begun = time.perf_counter()
        with engine.begin() as connection:
            connection.execute(statement, given)
        taken.append(time.perf_counter() - begun)
    return taken
