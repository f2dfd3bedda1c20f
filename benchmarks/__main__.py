"""Run every benchmark and write ``benchmarks/RESULTS.md`` (``make bench``), or only print (``make bench-quick``)."""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from itertools import chain
from os import cpu_count
from pathlib import Path

import sqlalchemy as sa

from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.db.migrate import migrate
from benchmarks import (
    dag_parsing,
    deferred_sensors,
    fold_reports,
    growth,
    ledger_commits,
    load_rows,
    prepare_recipients,
    receiver_ready,
    take_reports,
    whole_send,
)
from benchmarks.measure import IS_QUICK, ROUNDS, Measured
from benchmarks.used_server import used_server
from tests.databases import fresh_database

RESULTS = Path(__file__).parent / "RESULTS.md"
_PACKAGES = ("apache-airflow", "pandas", "sqlalchemy", "orjson", "phonenumbers", "psycopg")
_HEADER = ("| what | ours | naive | limit | ours / naive | ours / limit |", "| --- | --- | --- | --- | --- | --- |")
_GIVEN_UP = (
    "A report received on PostgreSQL may cost up to a fifth more than it did before the receiver was made smaller:",
    "old and new in turns, it is received at 0.85 of the old rate. Given up for it: statements of our own over libpq,",
    "joined writes, timers of our own and the digest of the last header, about 270 lines. Recipients are prepared at",
    "0.61 of the old rate, because they travel as rows and not as columns; a whole send runs at 0.92 of the old rate.",
)


def main() -> None:
    """Run all benchmarks, print each row when it is measured, and write the page."""
    print(*_HEADER, sep="\n", flush=True)
    if IS_QUICK:
        for measured in _throughput(["PostgreSQL"]):
            print(measured.row(), flush=True)
        return
    rows = []
    for measured in chain(_throughput(["SQLite", "PostgreSQL"]), _starts_and_waits()):
        rows.append(measured.row())
        print(rows[-1], flush=True)
    large = []
    for measured in _at_a_million():
        large.append(measured.row())
        print(large[-1], flush=True)
    grown = growth.run()
    grown.plot(growth.PLOT)
    print(*grown.table(), sep="\n", flush=True)
    RESULTS.write_text(_page(rows, large, grown), encoding="utf-8")


def _throughput(databases: Sequence[str]) -> Iterator[Measured]:
    yield prepare_recipients.run()
    with used_server() as server:
        for database in databases:
            with _store(database, server) as (url, engine):
                yield ledger_commits.run(database, engine)
                yield fold_reports.run(database, engine)
                yield take_reports.run(database, url)
        yield from load_rows.run(server)
        yield whole_send.run(server)
        yield whole_send.run_with_latency(server)


def _at_a_million() -> Iterator[Measured]:
    with used_server() as server:
        for database in ("SQLite", "PostgreSQL"):
            with _store(database, server) as (_, engine):
                yield fold_reports.run_at_a_million(database, engine)


def _starts_and_waits() -> Iterator[Measured]:
    yield dag_parsing.run()
    with used_server() as server, _store("PostgreSQL", server) as (url, engine):
        yield deferred_sensors.run("PostgreSQL", engine)
        yield receiver_ready.run("PostgreSQL", url)


@contextmanager
def _store(database: str, server: str) -> Iterator[tuple[str, sa.Engine]]:
    with tempfile.TemporaryDirectory() as folder, fresh_database(server) as postgres_url:
        url = postgres_url if database == "PostgreSQL" else f"sqlite:///{folder}/store.db"
        engine = engine_from_url(url)
        migrate(engine)
        yield url, engine
        engine.dispose()


def _page(rows: Sequence[str], large: Sequence[str], grown: growth.Growth) -> str:
    versions = ", ".join(f"{package} {version(package)}" for package in _PACKAGES)
    machine = f"{cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, {versions}"
    return "\n".join(
        [
            "# Results",
            "",
            f"Written by `make bench`: medians of {ROUNDS} rounds and half the spread; the ways take turns.",
            f"{machine}. Compare the ratios: the rates depend on the machine.",
            "",
            "What limits these figures, what was measured and not used: [docs/decisions](../docs/decisions/README.md).",
            "",
            *_GIVEN_UP,
            "",
            *_HEADER,
            *rows,
            "",
            "## How cost grows with size",
            "",
            "One round, one report on each message. Each step of the campaign runs in a process of its own.",
            "",
            *grown.table(),
            "",
            "![Seconds by number of recipients](../docs/growth.svg)",
            "",
            "A million reports, two on each message, out of order: one round; the naive way folds a thousand of them.",
            "",
            *_HEADER,
            *large,
            "",
        ]
    )


if __name__ == "__main__":
    main()
