"""A migrated and empty PostgreSQL store for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.db.tables import metadata
from tests.store_engines import postgres_engine as engine
from tests.store_engines import shared_postgres_engine
from tests.stores import postgres_store

__all__ = ["engine", "shared_postgres_engine"]


@pytest.fixture
def engine_without_statistics(postgres: str) -> Iterator[sa.Engine]:
    """A store of a database of its own, whose tables the server never analyses by itself."""
    with postgres_store(postgres) as url:
        engine = engine_from_url(url)
        with engine.begin() as connection:
            for table in metadata.sorted_tables:
                connection.exec_driver_sql(f"ALTER TABLE {table.name} SET (autovacuum_enabled = off)")
        yield engine
        engine.dispose()
