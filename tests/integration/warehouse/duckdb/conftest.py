"""A migrated SQLite store, and an empty DuckDB warehouse."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.unit.warehouse.conftest import shared_sqlite_engine, store

__all__ = ["shared_sqlite_engine", "store"]


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = sa.create_engine(f"duckdb:///{tmp_path}/warehouse.duckdb")
    yield engine
    engine.dispose()
