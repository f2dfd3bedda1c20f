"""The cost of 1,000 deferred sensors in one event loop, each waiting for a campaign of its own."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from benchmarks.measure import ROUNDS, Measured

SENSORS = 1_000
RECIPIENTS = 50
SECONDS_BETWEEN_LOOKS = 60
# Shorter, so that a round takes seconds; the results are for the interval above.
_SECONDS_HERE = 0.5
_LOOKS = 3


@dataclass(frozen=True)
class MeasuredLooks(Measured):
    """Campaigns checked per CPU second of the event loop's process; cells show the cost of a minute.

    :param queries: number of queries of one look at all campaigns, round by round.
    """

    queries: Mapping[str, list[float]]

    def _cell(self, way: str) -> str:
        looks_a_minute = 60 / SECONDS_BETWEEN_LOOKS
        share = SENSORS / self.median(way) * looks_a_minute / 60
        return f"{statistics.median(self.queries[way]) * looks_a_minute:,.0f} queries, {share:.2%} of a core"


def run(database: str, engine: sa.Engine) -> Measured:
    """Measure the looks of a minute.

    :param engine: engine of a migrated store.
    """
    _begin_campaigns(engine)
    rates: dict[str, list[float]] = {way: [] for way in _WAYS}
    queries: dict[str, list[float]] = {way: [] for way in _WAYS}
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "AIRFLOW_HOME": folder, "AIRFLOW_CONN_RCS_STORE": _connection(engine.url)}
        for _ in range(ROUNDS):
            for way in _WAYS:
                # A process of its own, so that Airflow knows this store and the CPU time is the sensors' alone.
                url = engine.url.render_as_string(hide_password=False)
                command = [sys.executable, "-m", "benchmarks.deferred_sensors", way, url]
                output = subprocess.run(command, check=True, env=environment, stdout=subprocess.PIPE).stdout
                seconds, asked = json.loads(output.splitlines()[-1])
                rates[way].append(_LOOKS * SENSORS / seconds)
                queries[way].append(asked / _LOOKS)
    return MeasuredLooks(f"{SENSORS:,} deferred sensors on {database}, per minute", rates, queries)


def _begin_campaigns(engine: sa.Engine) -> None:
    """Create campaigns that wait for their first reports."""
    from airflow_provider_rcs.api.models import Outcome
    from airflow_provider_rcs.api.statuses import MessageState
    from airflow_provider_rcs.recipients.columns import ListedRecipient
    from airflow_provider_rcs.store.campaign.campaigns import CampaignTerms, open_campaign
    from airflow_provider_rcs.store.outbox.attempts import StartedBy, begin_attempt
    from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
    from airflow_provider_rcs.store.outbox.settlement import Settlement, settle
    from benchmarks.people import rows
    from tests.unit.store.given import claim_and_dispatch

    people = [ListedRecipient(row["phone"], row["phone"], row["phone"], "", "", {}) for row in rows(RECIPIENTS)]
    for name in _NAMES:
        campaign = open_campaign(engine, name, CampaignTerms("1"), {})
        attempt = begin_attempt(engine, campaign, StartedBy(started_by="bench"), timedelta(minutes=5))
        record_list(engine, attempt, prepare_list_part(engine, people))
        claim = claim_and_dispatch(engine, attempt, RECIPIENTS)
        assert claim is not None
        settle(
            engine, [Settlement(claim, [Outcome(each.phone, MessageState.ACCEPTED) for each in claim.recipients], "1")]
        )


def _connection(url: sa.URL) -> str:
    if url.get_backend_name() == "sqlite":
        return json.dumps({"conn_type": "sqlite", "host": url.database})
    fields = {"conn_type": "postgres", "host": url.host, "port": url.port, "login": url.username}
    return json.dumps({**fields, "password": url.password, "schema": url.database, "extra": dict(url.query)})


class _Statements:
    """Counter of the statements that reach a database."""

    def __init__(self) -> None:
        self.all = 0
        self.looks = 0
        sa.event.listen(sa.Engine, "before_cursor_execute", self._note)

    def _note(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        self.all += 1
        self.looks += "rcs_campaign_count" in statement


@asynccontextmanager
async def _sensors() -> AsyncIterator[None]:
    """Run a trigger for each campaign, as the triggerer does."""
    from airflow_provider_rcs.triggers.rcs import RcsCampaignTrigger

    triggers = [
        RcsCampaignTrigger(
            campaign=name,
            until="final",
            at_least=1.0,
            store_conn_id="rcs_store",
            poll_interval=_SECONDS_HERE,
            end_time=datetime.now(UTC) + timedelta(days=1),
            no_reports_within=timedelta(hours=1),
        )
        for name in _NAMES
    ]
    tasks = [asyncio.ensure_future(anext(trigger.run())) for trigger in triggers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _ours(_engine: sa.Engine) -> tuple[float, int]:
    statements = _Statements()
    async with _sensors():
        # The first look is not counted: it connects, and checks the tables.
        await _until(lambda: statements.looks > 0)
        await asyncio.sleep(_SECONDS_HERE / 2)
        begun, asked, looks = time.process_time(), statements.all, statements.looks
        await _until(lambda: statements.looks >= looks + _LOOKS)
        await asyncio.sleep(_SECONDS_HERE / 2)
        return time.process_time() - begun, statements.all - asked


async def _naive(engine: sa.Engine) -> tuple[float, int]:
    """Query the campaign of each sensor by itself."""
    from airflow_provider_rcs.store.read.funnel import read_funnel

    statements, begun = _Statements(), time.process_time()
    for _ in range(_LOOKS):
        await asyncio.gather(*(asyncio.to_thread(read_funnel, engine, name) for name in _NAMES))
    return time.process_time() - begun, statements.all


async def _limit(engine: sa.Engine) -> tuple[float, int]:
    """Count the messages of all campaigns by status, and ignore the result."""
    from airflow_provider_rcs.store.db.tables import campaign, message

    statements, begun = _Statements(), time.process_time()
    by = (campaign.c.name, message.c.state, message.c.delivery_status)
    counts = sa.select(*by, sa.func.count()).join(message, message.c.campaign_id == campaign.c.id).group_by(*by)
    for _ in range(_LOOKS):
        with engine.connect() as connection:
            connection.execute(counts.where(campaign.c.name.in_(_NAMES))).all()
    return time.process_time() - begun, statements.all


async def _until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.01)


_NAMES = [f"deferred-{number}" for number in range(SENSORS)]
_WAYS: Mapping[str, Callable[[sa.Engine], Awaitable[tuple[float, int]]]] = {
    "ours": _ours,
    "naive": _naive,
    "limit": _limit,
}


def _measure_one(way: str, url: str) -> None:
    from airflow_provider_rcs.store.db.engine import engine_from_url

    async def go() -> tuple[float, int]:
        return await _WAYS[way](engine_from_url(url))

    print(json.dumps(asyncio.run(go())))


if __name__ == "__main__":
    _measure_one(*sys.argv[1:])
