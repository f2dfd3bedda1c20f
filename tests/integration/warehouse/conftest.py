"""A migrated store and an empty warehouse: two databases of one PostgreSQL server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.store.db.engine import engine_from_url
from tests.databases import fresh_database
from tests.stores import postgres_store


@pytest.fixture
def store(postgres: str) -> Iterator[sa.Engine]:
    with postgres_store(postgres) as url:
        engine = engine_from_url(url)
        yield engine
        engine.dispose()


@pytest.fixture
def warehouse(postgres: str) -> Iterator[sa.Engine]:
    with fresh_database(postgres) as url:
        engine = sa.create_engine(url)
        yield engine
        engine.dispose()
