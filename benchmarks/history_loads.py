"""Loads of what is new, from a store with a past into a warehouse that has all of it; writes ``HISTORY_OF_LOADS.md``.

``python -m benchmarks.history_loads --campaigns 50`` measures less, and only prints.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import sqlalchemy as sa

from airflow_provider_rcs.api.models import Report
from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.db.migrate import migrate
from airflow_provider_rcs.store.db.tables import campaign, message, request
from airflow_provider_rcs.store.inbox.folding import fold
from airflow_provider_rcs.store.inbox.landing import land
from airflow_provider_rcs.warehouse.load import load
from benchmarks.big_store import Past, fill
from benchmarks.history import past_given, printed
from benchmarks.used_server import used_server
from tests.databases import fresh_database

PAGE = Path(__file__).parent / "HISTORY_OF_LOADS.md"
_HEADER = ("| load | seconds | messages and reports |", "| --- | --- | --- |")
_ROUNDS = 5
_CAMPAIGNS = 100
_REPORTS = 1_000
_DELIVERED = "13"


def rows(engine: sa.Engine, warehouse: sa.Engine) -> Iterator[str]:
    """Yield the rows of the table.

    :param engine: of a store that is filled.
    :param warehouse: an empty database.
    """
    yield _measured("everything, at first", engine, warehouse, rounds=1)
    yield _measured("nothing new", engine, warehouse)
    chance = random.Random(1)
    new = count()

    def report_on_some() -> None:
        land(engine, _reports(engine, chance, next(new)), datetime.now(UTC))
        fold(engine)

    what = f"{_REPORTS:,} new reports in {_CAMPAIGNS} campaigns"
    yield _measured(what, engine, warehouse, before=report_on_some)


def row_of_small_campaigns(engine: sa.Engine, warehouse: sa.Engine, campaigns: int) -> str:
    """Fill a migrated store with small campaigns, and return the row of loading them after all have changed."""
    fill(engine, Past(campaigns, recipients=2))
    load(engine, warehouse, None)

    def change_all() -> None:
        with engine.begin() as connection:
            connection.execute(campaign.update().values(revision=campaign.c.revision + 1))
            newest = sa.select(campaign.c.revision).where(campaign.c.id == message.c.campaign_id)
            connection.execute(message.update().values(revision=newest.scalar_subquery()))

    return _measured(f"{campaigns:,} changed and nearly empty campaigns", engine, warehouse, before=change_all)


def _measured(
    what: str,
    engine: sa.Engine,
    warehouse: sa.Engine,
    *,
    rounds: int = _ROUNDS,
    before: Callable[[], None] = lambda: None,
) -> str:
    seconds = []
    for _ in range(rounds):
        before()
        begun = time.perf_counter()
        loaded = load(engine, warehouse, None)
        seconds.append(time.perf_counter() - begun)
    return f"| {what} | {statistics.median(seconds):.2f} | {loaded.messages + loaded.reports:,} |"


def _reports(engine: sa.Engine, chance: random.Random, number: int) -> list[Report]:
    """Return reports on messages of many campaigns, by a channel that has not reported on them yet."""
    with engine.connect() as connection:
        requests = connection.execute(
            sa.select(request.c.reference, request.c.campaign_id, request.c.first_message_id)
        ).all()
        some = chance.sample(requests, _CAMPAIGNS)
        firsts = [each.first_message_id + position for each in some for position in range(_REPORTS // _CAMPAIGNS)]
        ids = sa.select(message.c.id, message.c.phone, message.c.reference).where(message.c.id.in_(firsts))
        found = {row.id: row for row in connection.execute(ids)}
    return [
        Report(
            _DELIVERED,
            phone=found[message_id].phone,
            campaign_reference=each.reference,
            message_reference=found[message_id].reference,
            service=f"SMS{number}",
            reported_at=datetime.now(UTC),
        )
        for each in some
        for message_id in range(each.first_message_id, each.first_message_id + _REPORTS // _CAMPAIGNS)
    ]


def _store(server_url: str) -> sa.Engine:
    engine = engine_from_url(server_url)
    migrate(engine)
    return engine


def main() -> None:
    """Fill the stores, measure, and write the page if everything was measured at full size."""
    past = past_given(__doc__)
    lines: list[str] = []
    with used_server() as server:
        with fresh_database(server) as url, fresh_database(server) as warehouse_url:
            store, warehouse = _store(url), sa.create_engine(warehouse_url)
            fill(store, past)
            lines += printed(rows(store, warehouse))
            store.dispose()
            warehouse.dispose()
        with fresh_database(server) as url, fresh_database(server) as warehouse_url:
            store, warehouse = _store(url), sa.create_engine(warehouse_url)
            lines.append(row_of_small_campaigns(store, warehouse, past.campaigns * 20))
            print(lines[-1], flush=True)
            store.dispose()
            warehouse.dispose()
    if past == Past():
        PAGE.write_text(_page(past, lines), encoding="utf-8")


def _page(past: Past, lines: list[str]) -> str:
    return "\n".join(
        [
            "# Loads from a store with a past",
            "",
            f"Written by `make bench-history`: medians of {_ROUNDS} rounds, the first load once.",
            f"Store and warehouse are databases of one PostgreSQL; the store has {past.campaigns} campaigns,",
            f"{past.messages:,} messages and {2 * past.messages:,} reports.",
            "",
            "What was done for them, and what did not help:",
            "[a load reads where messages changed](../docs/decisions/a-load-reads-where-messages-changed.md).",
            "",
            *_HEADER,
            *lines,
            "",
        ]
    )


if __name__ == "__main__":
    main()
