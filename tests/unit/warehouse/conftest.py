"""A migrated SQLite store, and an empty SQLite warehouse."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from tests.store_engines import disable_sync, shared_sqlite_engine
from tests.store_engines import sqlite_engine as store

__all__ = ["shared_sqlite_engine", "store"]


@pytest.fixture(scope="session")
def shared_warehouse(tmp_path_factory: pytest.TempPathFactory) -> sa.Engine:
    engine = sa.create_engine(f"sqlite:///{tmp_path_factory.mktemp('warehouse')}/warehouse.db")
    event.listen(engine, "connect", disable_sync)
    return engine


@pytest.fixture
def warehouse(shared_warehouse: sa.Engine) -> Iterator[sa.Engine]:
    # A new file per test, but one engine for all, because compiling the statements takes longest.
    Path(str(shared_warehouse.url.database)).unlink(missing_ok=True)
    yield shared_warehouse
    shared_warehouse.dispose()
