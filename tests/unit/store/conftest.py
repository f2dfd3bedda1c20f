"""A migrated SQLite store for each test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from airflow_provider_rcs.store.engine import engine_from_url
from airflow_provider_rcs.store.migrate import migrate


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "migrated.db"
    engine = engine_from_url(f"sqlite:///{path}")
    migrate(engine)
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def shared_engine(migrated_file: Path) -> sa.Engine:
    engine = engine_from_url(f"sqlite:///{migrated_file.with_name('store.db')}")
    event.listen(engine, "connect", _do_not_wait_for_the_disk)
    return engine


def _do_not_wait_for_the_disk(dbapi_connection: Any, _record: object) -> None:
    dbapi_connection.execute("PRAGMA synchronous = OFF")


@pytest.fixture
def engine(migrated_file: Path, shared_engine: sa.Engine) -> Iterator[sa.Engine]:
    # A fresh file, but one engine for all tests: it keeps the statements that it has compiled, which take longest.
    shutil.copy(migrated_file, str(shared_engine.url.database))
    yield shared_engine
    shared_engine.dispose()
