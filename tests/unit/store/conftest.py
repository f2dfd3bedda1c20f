"""A migrated SQLite store for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from airflow_provider_rcs.store.db.engine import engine_from_url
from tests.stores import sqlite_store


@pytest.fixture(scope="session")
def shared_engine(tmp_path_factory: pytest.TempPathFactory) -> sa.Engine:
    engine = engine_from_url(f"sqlite:///{tmp_path_factory.mktemp('store')}/store.db")
    event.listen(engine, "connect", do_not_wait_for_the_disk)
    return engine


def do_not_wait_for_the_disk(dbapi_connection: Any, _record: object) -> None:
    dbapi_connection.execute("PRAGMA synchronous = OFF")


@pytest.fixture
def engine(shared_engine: sa.Engine) -> Iterator[sa.Engine]:
    # A fresh file, but one engine for all tests: it keeps the statements that it has compiled, which take longest.
    sqlite_store(Path(str(shared_engine.url.database)))
    yield shared_engine
    shared_engine.dispose()
