"""A migrated SQLite store, and an empty warehouse on MariaDB; without its server the tests are skipped."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from tests.databases import fresh_database
from tests.unit.warehouse.conftest import shared_sqlite_engine, store

__all__ = ["shared_sqlite_engine", "store"]


@pytest.fixture
def warehouse(mariadb: str) -> Iterator[sa.Engine]:
    with fresh_database(mariadb) as url:
        engine = sa.create_engine(url)
        yield engine
        engine.dispose()
