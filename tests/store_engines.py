"""Fixtures of empty stores: on SQLite, on PostgreSQL, and on each of them in turn."""

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


def disable_sync(dbapi_connection: Any, _record: object) -> None:
    dbapi_connection.execute("PRAGMA synchronous = OFF")


@pytest.fixture(scope="session")
def shared_sqlite_engine(tmp_path_factory: pytest.TempPathFactory) -> sa.Engine:
    engine = engine_from_url(f"sqlite:///{tmp_path_factory.mktemp('store')}/store.db")
    event.listen(engine, "connect", disable_sync)
    return engine


@pytest.fixture
def sqlite_engine(shared_sqlite_engine: sa.Engine) -> Iterator[sa.Engine]:
    # A new file for each test, but one engine for all: it caches compiled statements, which take longest.
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
    # The tables are emptied and not created again: dropping a database takes longer than a test.
    with shared_postgres_engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
        connection.execute(store.insert(), {"id": 1, "fold": 0})
    return shared_postgres_engine


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def engine(request: pytest.FixtureRequest) -> sa.Engine:
    """An empty store, once on each supported database."""
    name = {"sqlite": "sqlite_engine", "postgresql": "postgres_engine"}[request.param]
    found: sa.Engine = request.getfixturevalue(name)
    return found
