"""A migrated SQLite store, and an empty SQLite warehouse."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.unit.store.conftest import engine as store
from tests.unit.store.conftest import shared_engine

__all__ = ["shared_engine", "store"]


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = sa.create_engine(f"sqlite:///{tmp_path}/warehouse.db")
    yield engine
    engine.dispose()
