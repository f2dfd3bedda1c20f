"""A migrated store and an empty warehouse, on PostgreSQL: two databases of one server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.store.engine import engine_from_url
from airflow_provider_rcs.store.migrate import migrate
from tests.postgres import fresh_database


@pytest.fixture
def store(postgres_url: str) -> Iterator[sa.Engine]:
    engine = engine_from_url(postgres_url)
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def warehouse(postgres: str) -> Iterator[sa.Engine]:
    with fresh_database(postgres) as url:
        engine = sa.create_engine(url)
        yield engine
        engine.dispose()
