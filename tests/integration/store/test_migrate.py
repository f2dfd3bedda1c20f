"""The behaviours of tests/unit/store/test_migrate.py, on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.store.engine import engine_from_url
from airflow_provider_rcs.store.migrate import migrate
from tests.unit.store.test_migrate import *  # noqa: F403


@pytest.fixture
def engine(postgres_url: str) -> Iterator[sa.Engine]:
    """Made anew for each test, because they drop and add tables."""
    engine = engine_from_url(postgres_url)
    migrate(engine)
    yield engine
    engine.dispose()
