"""A migrated PostgreSQL store for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.store.engine import engine_from_url
from airflow_provider_rcs.store.migrate import migrate


@pytest.fixture
def engine(postgres_url: str) -> Iterator[sa.Engine]:
    engine = engine_from_url(postgres_url)
    migrate(engine)
    yield engine
    engine.dispose()
