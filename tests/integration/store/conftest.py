"""A migrated and empty PostgreSQL store for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.db.tables import metadata, store
from tests.stores import postgres_store


@pytest.fixture(scope="session")
def shared_engine(postgres: str) -> Iterator[sa.Engine]:
    with postgres_store(postgres) as url:
        engine = engine_from_url(url)
        yield engine
        engine.dispose()


@pytest.fixture
def engine(shared_engine: sa.Engine) -> sa.Engine:
    # Emptied and not made anew: dropping a database takes the server longer than a test.
    with shared_engine.begin() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
        connection.execute(store.insert(), {"id": 1, "fold": 0})
    return shared_engine
