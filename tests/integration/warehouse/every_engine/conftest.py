"""A migrated store, and an empty warehouse on each engine that is not SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.databases import fresh_database
from tests.integration.warehouse.conftest import store as postgres_engine
from tests.store_engines import shared_sqlite_engine, sqlite_engine

__all__ = ["postgres_engine", "shared_sqlite_engine", "sqlite_engine"]


@pytest.fixture(params=["postgresql", "duckdb", "mariadb"])
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """An empty warehouse; without MariaDB's server its tests are skipped."""
    with ExitStack() as stack:
        match request.param:
            case "postgresql":
                url = stack.enter_context(fresh_database(request.getfixturevalue("postgres")))
            case "mariadb":
                url = stack.enter_context(fresh_database(request.getfixturevalue("mariadb")))
            case _:
                url = f"duckdb:///{tmp_path}/warehouse.duckdb"
        engine = sa.create_engine(url)
        stack.callback(engine.dispose)
        yield engine


@pytest.fixture
def store(warehouse: sa.Engine, request: pytest.FixtureRequest) -> sa.Engine:
    """A store on PostgreSQL if the warehouse is there, else on SQLite."""
    on_postgresql = warehouse.dialect.name == "postgresql"
    engine: sa.Engine = request.getfixturevalue("postgres_engine" if on_postgresql else "sqlite_engine")
    return engine
