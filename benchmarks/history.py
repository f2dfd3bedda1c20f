"""The same work on an empty store and on one with a past, in turns; writes ``HISTORY.md`` (``make bench-history``).

``python -m benchmarks.history --campaigns 50 --rounds 1`` measures less, and only prints.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from airflow_provider_rcs.api.models import FrequencyCap, Template, TemplateVariable
from airflow_provider_rcs.recipients.chunks import Chunk
from airflow_provider_rcs.store.db.engine import engine_from_url, prepare_engine
from airflow_provider_rcs.store.db.migrate import migrate
from airflow_provider_rcs.store.outbox.attempts import StartedBy
from benchmarks import history_looks
from benchmarks.big_store import Past, fill
from benchmarks.used_server import used_server
from benchmarks.whole_send import served
from tests.databases import fresh_database
from tests.round_trips import counted_round_trips

PAGE = Path(__file__).parent / "HISTORY.md"
TEMPLATE = Template("1234568", "Shipping notice", (TemplateVariable("Pedido", ""), TemplateVariable("Dia", "")))
# So high that it stops nobody: what is measured is the count.
CAP = FrequencyCap(1_000, timedelta(days=30))
AT_ONCE = 50
EXCLUDED = 500_000

_SOURCE = "customers"
_SERVICE = "service"
_HEADER = ("| what | empty | with a past | with a past / empty |", "| --- | --- | --- | --- |")


@dataclass(frozen=True)
class Job:
    """Some work that both stores do in turns.

    :param run: does it with a store, and returns its seconds.
    :param size: how many recipients it has.
    """

    what: str
    run: Callable[[sa.Engine], float]
    size: int

    def row(self, empty: Sequence[float], past: Sequence[float]) -> str:
        """Return the row of the table: medians, and how the rates compare."""
        medians = [statistics.median(seconds) for seconds in (empty, past)]
        cells = [
            f"{self.size / seconds:,.0f}/s" if self.size > 1 else f"{1000 * seconds:,.0f} ms" for seconds in medians
        ]
        return f"| {self.what} | {' | '.join(cells)} | {medians[0] / medians[1]:.2f} |"


def one(engine: sa.Engine) -> float:
    """Return the median seconds of sends to one recipient, once the first has compiled its statements."""
    send(engine, 1)
    return statistics.median(send(engine, 1) for _ in range(9))


def send(engine: sa.Engine, size: int, cap: FrequencyCap | None = None, *, first: int = 0, excluded: int = 0) -> float:
    """Send to customers as ``SqlToRcsOperator`` does, and return the seconds.

    :param first: how many customers are passed over.
    :param excluded: how many phones ``exclude_sql`` names, from the first customer on.
    """
    from airflow_provider_rcs.hooks.sql import stream_only_column

    not_to_message = f"SELECT phone FROM customer WHERE id <= {excluded}"
    phones = stream_only_column("exclude_sql", _SOURCE, not_to_message) if excluded else ()
    return _send(engine, _customers(size, first), size, cap, phones)


def _customers(size: int, first: int) -> Iterator[Chunk]:
    from airflow_provider_rcs.hooks.sql import stream_columns

    rows = f"FROM customer WHERE id > {first} ORDER BY id LIMIT {size}"
    yield from stream_columns("sql", _SOURCE, f"SELECT phone, name, order_number, day {rows}")


def _send(
    engine: sa.Engine,
    customers: Iterable[Chunk],
    size: int,
    cap: FrequencyCap | None,
    excluded: Iterable[Sequence[object]] = (),
) -> float:
    from airflow_provider_rcs.hooks.rcs import RcsHook
    from airflow_provider_rcs.sending.campaign import send_campaign
    from airflow_provider_rcs.sending.settings import SendSettings

    settings = SendSettings(
        template_id=TEMPLATE.id,
        campaign=uuid.uuid4().hex,
        variables={"Pedido": "order_number", "Dia": "day"},
        default_region="ES",
        frequency_cap=cap,
    )
    begun = time.perf_counter()
    counts = send_campaign(
        engine,
        RcsHook(_SERVICE),
        TEMPLATE,
        settings,
        customers,
        started_by=StartedBy(started_by="bench"),
        lease=timedelta(minutes=5),
        excluded=excluded,
    )
    seconds = time.perf_counter() - begun
    if counts["accepted"] + counts["suppressed"] != size:
        raise RuntimeError(str(counts))
    return seconds


def send_at_once(engine: sa.Engine, size: int, cap: FrequencyCap | None, *, apart: int = 0) -> float:
    """Send many campaigns at once, and return the seconds of all.

    :param apart: how many customers lie between the first ones of two campaigns; 0 if all have the same.
    """
    # One pool for all: 50 pools would have more connections than the server lets in.
    shared = prepare_engine(sa.create_engine(engine.url, pool_size=60, max_overflow=0, pool_timeout=600))
    lists = [list(_customers(size, first=number * apart)) for number in range(AT_ONCE)]
    begun = time.perf_counter()
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for each in [threads.submit(_send, shared, listed, size, cap) for listed in lists]:
            each.result()
    seconds = time.perf_counter() - begun
    shared.dispose()
    return seconds


def jobs(size: int) -> Iterator[Job]:
    """Yield what is measured on PostgreSQL.

    :param size: recipients of the large sends.
    """
    each = size // AT_ONCE
    yield Job("one recipient, from start to end", one, 1)
    yield Job(f"a send of {size:,}", partial(send, size=size), size)
    yield Job("the same with a frequency cap of 30 days", partial(send, size=size, cap=CAP), size)
    for people, apart in (("the same people", 0), ("people of their own", each)):
        at_once = partial(send_at_once, size=each, apart=apart)
        yield Job(f"{AT_ONCE} campaigns at once, {each:,} each, to {people}", partial(at_once, cap=None), size)
        yield Job("the same with a frequency cap of 30 days", partial(at_once, cap=CAP), size)
    excluded = EXCLUDED * size // 100_000
    yield Job(
        f"{excluded:,} excluded phones, to one other", partial(send, size=1, first=excluded, excluded=excluded), 1
    )
    yield Job(f"a list of {excluded:,}, all excluded", partial(send, size=excluded, excluded=excluded), excluded)


def measure(jobs: Sequence[Job], empty: sa.Engine, past: sa.Engine, rounds: int) -> Iterator[str]:
    """Do each job with both stores in turns, and yield its row."""
    for job in jobs:
        seconds: Mapping[str, list[float]] = {"empty": [], "past": []}
        for _ in range(rounds):
            seconds["empty"].append(job.run(empty))
            seconds["past"].append(job.run(past))
        yield job.row(**seconds)


def count_round_trips(engine: sa.Engine) -> int:
    """Return how many round trips a send to one recipient takes."""
    with counted_round_trips(engine) as count:
        send(engine, 1)
        return count()


@contextmanager
def sources(server: str) -> Iterator[None]:
    """Serve customers and a service that only answers, under the connections that :func:`send` uses."""
    with fresh_database(server) as source, served(0.0) as port:
        engine = sa.create_engine(source)
        with engine.begin() as connection:
            connection.exec_driver_sql(
                "CREATE TABLE customer AS SELECT n AS id, '346' || lpad(n::text, 8, '0') AS phone, 'Núria Pérez ' || n "
                "AS name, 'A-' || n AS order_number, n %% 28 + 1 AS day FROM generate_series(1, 600000) AS n"
            )
            connection.exec_driver_sql("ALTER TABLE customer ADD PRIMARY KEY (id)")
        engine.dispose()
        plain = sa.make_url(source).set(drivername="postgresql").render_as_string(hide_password=False)
        os.environ[f"AIRFLOW_CONN_{_SOURCE.upper()}"] = plain
        os.environ[f"AIRFLOW_CONN_{_SERVICE.upper()}"] = f"rcs://bench:bench@http%3A%2F%2F127.0.0.1%3A{port}"
        yield


@contextmanager
def store(url: str, past: Past | None = None) -> Iterator[sa.Engine]:
    """Yield a migrated store, filled if it has a past."""
    engine = engine_from_url(url)
    migrate(engine)
    if past is not None:
        fill(engine, past)
    yield engine
    engine.dispose()


def main() -> None:
    """Fill the stores, measure, and write the page if everything was measured at full size."""
    full = Past()
    parser = argparse.ArgumentParser(description=__doc__)
    _add_campaigns(parser)
    parser.add_argument("--size", type=int, default=100_000, help="recipients of a send (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    past = Past(given.campaigns)
    with used_server() as server, sources(server):
        sends, looks = _on_postgresql(server, past, given.size, given.rounds)
        sends += printed(_on_sqlite(Past(past.campaigns * 2 // 5), given.size // 2, given.rounds))
    if past == full:
        PAGE.write_text(_page(sends, looks, given.rounds), encoding="utf-8")


def _on_postgresql(server: str, past: Past, size: int, rounds: int) -> tuple[list[str], list[str]]:
    """Return the rows of sends, and those of what is asked of the store."""
    with (
        fresh_database(server) as empty_url,
        fresh_database(server) as past_url,
        fresh_database(server) as many_url,
        store(empty_url) as empty,
        store(past_url, past) as filled,
        store(many_url) as many,
    ):
        # First: a past without what the sends add to it.
        looks = list(printed(history_looks.rows(filled, past)))
        looks += printed(iter([history_looks.row_of_many_campaigns(many, past.campaigns * 20)]))
        sends = list(printed(measure(list(jobs(size)), empty, filled, rounds)))
        trips = [count_round_trips(each) for each in (empty, filled)]
        return [*sends, *printed(iter([f"| round trips of one recipient | {trips[0]} | {trips[1]} | |"]))], looks


def _on_sqlite(past: Past, size: int, rounds: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="rcs-history-") as folder:
        urls = [f"sqlite:///{folder}/{name}.db" for name in ("empty", "past")]
        with store(urls[0]) as empty, store(urls[1], past) as filled:
            job = Job(f"SQLite: a send of {size:,}", partial(send, size=size), size)
            yield from measure([job], empty, filled, rounds)


def past_given(description: str | None) -> Past:
    """Return the past of the size that the command line names."""
    parser = argparse.ArgumentParser(description=description)
    _add_campaigns(parser)
    return Past(parser.parse_args().campaigns)


def _add_campaigns(parser: argparse.ArgumentParser) -> None:
    default = Past().campaigns
    parser.add_argument("--campaigns", type=int, default=default, help="of 10,000 (default: %(default)s)")


def printed(lines: Iterator[str]) -> Iterator[str]:
    """Yield the lines, and print each when it is known."""
    for line in lines:
        print(line, flush=True)
        yield line


def _page(sends: Sequence[str], looks: Sequence[str], rounds: int) -> str:
    past = Past()
    return "\n".join(
        [
            "# Work on a store with a past",
            "",
            f"Written by `make bench-history`: medians of {rounds} rounds; the two stores take turns.",
            f"PostgreSQL has had {past.campaigns} campaigns, {past.messages:,} messages and {2 * past.messages:,}",
            "reports, SQLite two fifths of that.",
            "Compare the ratios: the rates depend on the machine.",
            "",
            "What was done for them, and what did not help:",
            "[cost follows what is new](../docs/decisions/cost-follows-what-is-new.md).",
            "",
            *_HEADER,
            *sends,
            "",
            "What is asked of the store with a past, and what others notice of an erasure and a prune:",
            "",
            *history_looks.HEADER,
            *looks,
            "",
        ]
    )


if __name__ == "__main__":
    main()
