"""The behaviours of tests/unit/store/test_migrate.py, on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.store.db.engine import engine_from_url
from tests.stores import postgres_store
from tests.unit.store.test_migrate import *  # noqa: F403


@pytest.fixture
def engine(postgres: str) -> Iterator[sa.Engine]:
    """Made anew for each test, because they drop and add tables."""
    with postgres_store(postgres) as url:
        engine = engine_from_url(url)
        yield engine
        engine.dispose()
