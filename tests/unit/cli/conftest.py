"""A migrated SQLite store of its own for each test, because commands open it too, and its URL."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.store.engine import engine_from_url
from tests.unit.store.conftest import migrated_file

__all__ = ["engine", "engine_url", "migrated_file"]


@pytest.fixture
def engine_url(migrated_file: Path, tmp_path: Path) -> str:
    shutil.copy(migrated_file, tmp_path / "store.db")
    return f"sqlite:///{tmp_path}/store.db"


@pytest.fixture
def engine(engine_url: str) -> Iterator[sa.Engine]:
    engine = engine_from_url(engine_url)
    yield engine
    engine.dispose()
