"""``make bench``: run every benchmark, and write ``benchmarks/RESULTS.md``."""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from os import cpu_count
from pathlib import Path

from airflow_provider_rcs.store.engine import engine_from_url
from airflow_provider_rcs.store.migrate import migrate
from benchmarks import (
    dag_parsing,
    deferred_sensors,
    fold_reports,
    ledger_commits,
    prepare_recipients,
    receiver_ready,
    take_reports,
    whole_send,
)
from benchmarks.measure import ROUNDS, Measured
from tests.databases import fresh_database
from tests.postgres import postgres_server

RESULTS = Path(__file__).parent / "RESULTS.md"
_PACKAGES = ("pandas", "sqlalchemy", "orjson", "phonenumbers", "psycopg")


def main() -> None:
    """Run all, print each row as it comes, and write the table."""
    lines = []
    for measured in _all():
        lines.append(measured.row())
        print(lines[-1], flush=True)
    versions = ", ".join(f"{package} {version(package)}" for package in _PACKAGES)
    machine = f"{cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, {versions}"
    header = "| what | ours | naive | limit | ours / naive | ours / limit |\n| --- | --- | --- | --- | --- | --- |"
    RESULTS.write_text(
        f"# Results\n\nWritten by `make bench`: medians of {ROUNDS} rounds, and half the spread.\n{machine}.\n"
        f"Read the ratios; the rates are this machine's.\n\n{header}\n" + "\n".join(lines) + "\n",
        encoding="utf-8",
    )


def _all() -> Iterator[Measured]:
    yield prepare_recipients.run()
    yield dag_parsing.run()
    with tempfile.TemporaryDirectory() as folder, postgres_server() as server, fresh_database(server) as postgres_url:
        for database, url in (("SQLite", f"sqlite:///{folder}/store.db"), ("PostgreSQL", postgres_url)):
            engine = engine_from_url(url)
            migrate(engine)
            yield ledger_commits.run(database, engine)
            yield fold_reports.run(database, engine)
            yield deferred_sensors.run(database, engine)
            engine.dispose()
            yield receiver_ready.run(database, url)
            yield take_reports.run(database, url)
        yield whole_send.run(server)


if __name__ == "__main__":
    main()
