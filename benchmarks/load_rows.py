"""Messages and reports loaded from a store on PostgreSQL into the warehouse of each engine."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from shutil import which

import sqlalchemy as sa

from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.db.migrate import migrate
from airflow_provider_rcs.warehouse.load import load
from airflow_provider_rcs.warehouse.phones import PLAIN, PhoneForm, hashed
from airflow_provider_rcs.warehouse.tables import warehouse_tables
from benchmarks.bare_upserts import bare_upserts
from benchmarks.big_store import Past, fill
from benchmarks.measure import Measured, Way, measure, sized
from tests.databases import fresh_database
from tests.mariadb import mariadb_server

# Two reports were folded on each message.
_ROWS = sized(600_000)
_CAMPAIGNS = 20
_NAIVE_ROWS = 1_000


def run(server: str) -> Iterator[Measured]:
    """Measure each engine, and PostgreSQL with hashed phones too; MariaDB only if it is installed.

    :param server: the URL of a server of PostgreSQL that has been in use.
    """
    with ExitStack() as stack:
        store = engine_from_url(stack.enter_context(fresh_database(server)))
        stack.callback(store.dispose)
        migrate(store)
        fill(store, Past(_CAMPAIGNS, _ROWS // 3 // _CAMPAIGNS))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for name, url in _urls(stack, server, folder):
            warehouse = sa.create_engine(url)
            stack.callback(warehouse.dispose)
            yield _measured(f"rows loaded into {name}", store, warehouse, PLAIN, folder)
            if name == "PostgreSQL":
                yield _measured(f"rows loaded into {name}, phones hashed", store, warehouse, hashed("key"), folder)


def _urls(stack: ExitStack, server: str, folder: Path) -> Iterator[tuple[str, str]]:
    yield "PostgreSQL", stack.enter_context(fresh_database(server))
    yield "DuckDB", f"duckdb:///{folder}/warehouse.duckdb"
    yield "SQLite", f"sqlite:///{folder}/warehouse.db"
    if which("mariadbd"):
        yield "MariaDB", stack.enter_context(mariadb_server(folder))


def _measured(what: str, store: sa.Engine, warehouse: sa.Engine, phones: PhoneForm, folder: Path) -> Measured:
    _ours(store, warehouse, phones)
    loaded = warehouse_tables(None)
    upsert_all = bare_upserts(warehouse, (loaded.message, loaded.report), folder)
    return measure(
        what,
        ours=Way("a load", lambda: _ours(store, warehouse, phones)),
        naive=Way("one INSERT for each row", lambda: _naive(store, warehouse)),
        limit=Way("the bulk path and one upsert, with rows that are ready", lambda: _limit(warehouse, upsert_all)),
    )


def _ours(store: sa.Engine, warehouse: sa.Engine, phones: PhoneForm) -> int:
    _empty(warehouse)
    loaded = load(store, warehouse, None, phones)
    return loaded.messages + loaded.reports


def _naive(store: sa.Engine, warehouse: sa.Engine) -> int:
    _empty(warehouse)
    texts = ("phone", "service", "status_code", "campaign_reference", "message_reference", "api_message_id")
    moments = ("received_at", "reported_at")
    plain = sa.Table(
        "plain_report",
        sa.MetaData(),
        *(sa.Column(name, sa.BigInteger) for name in ("id", "fold")),
        *(sa.Column(name, sa.String(100)) for name in texts),
        *(sa.Column(name, sa.DateTime) for name in moments),
    )
    plain.drop(warehouse, checkfirst=True)
    plain.create(warehouse)
    reports = sa.text(f"SELECT {', '.join(plain.columns.keys())} FROM rcs_report LIMIT {_NAIVE_ROWS}")
    with store.connect() as source, warehouse.begin() as target:
        for row in source.execute(reports).mappings():
            target.execute(plain.insert(), dict(row))
    return _NAIVE_ROWS


def _limit(warehouse: sa.Engine, upsert_all: Callable[[], None]) -> int:
    _empty(warehouse)
    upsert_all()
    return _ROWS


def _empty(warehouse: sa.Engine) -> None:
    views = sa.inspect(warehouse).get_view_names()
    with warehouse.begin() as connection:
        for view in views:
            connection.exec_driver_sql(f"DROP VIEW {view}")
    metadata = warehouse_tables(None).metadata
    metadata.drop_all(warehouse)
    metadata.create_all(warehouse)
