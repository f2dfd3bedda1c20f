"""A migrated SQLite store, and an empty SQLite warehouse."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.store.engine import engine_from_url
from airflow_provider_rcs.store.migrate import migrate


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = engine_from_url(f"sqlite:///{tmp_path}/store.db")
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = sa.create_engine(f"sqlite:///{tmp_path}/warehouse.db")
    yield engine
    engine.dispose()
