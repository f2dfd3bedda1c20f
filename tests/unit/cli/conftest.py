"""A migrated SQLite store for each test, and its URL, with which commands open it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.store.db.engine import engine_from_url
from tests.stores import sqlite_store


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return sqlite_store(tmp_path / "store.db")


@pytest.fixture
def engine(store_url: str) -> Iterator[sa.Engine]:
    engine = engine_from_url(store_url)
    yield engine
    engine.dispose()
