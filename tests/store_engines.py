"""Fixtures of migrated and empty stores: one on SQLite, one on PostgreSQL, and each test once on both."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.db.tables import metadata, store
from tests.stores import postgres_store, sqlite_store


def do_not_wait_for_the_disk(dbapi_connection: Any, _record: object) -> None:
    dbapi_connection.execute("PRAGMA synchronous = OFF")


@pytest.fixture(scope="session")
def shared_sqlite_engine(tmp_path_factory: pytest.TempPathFactory) -> sa.Engine:
    engine = engine_from_url(f"sqlite:///{tmp_path_factory.mktemp('store')}/store.db")
    event.listen(engine, "connect", do_not_wait_for_the_disk)
    return engine


@pytest.fixture
def sqlite_engine(shared_sqlite_engine: sa.Engine) -> Iterator[sa.Engine]:
    # A fresh file, but one engine for all tests: it caches compiled statements, and compiling them takes longest.
    sqlite_store(Path(str(shared_sqlite_engine.url.database)))
    yield shared_sqlite_engine
    shared_sqlite_engine.dispose()


@pytest.fixture(scope="session")
def shared_postgres_engine(postgres: str) -> Iterator[sa.Engine]:
    with postgres_store(postgres) as url:
        engine = engine_from_url(url)
        yield engine
        engine.dispose()


@pytest.fixture
def postgres_engine(shared_postgres_engine: sa.Engine) -> sa.Engine:
    # Emptied and not created anew: dropping a database takes the server longer than a test takes.
    with shared_postgres_engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
        connection.execute(store.insert(), {"id": 1, "fold": 0})
    return shared_postgres_engine


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def engine(request: pytest.FixtureRequest) -> sa.Engine:
    """A store on each database that it runs on."""
    name = {"sqlite": "sqlite_engine", "postgresql": "postgres_engine"}[request.param]
    found: sa.Engine = request.getfixturevalue(name)
    return found
