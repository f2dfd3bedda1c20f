"""A migrated SQLite store, and an empty warehouse on MariaDB; without its server the tests are skipped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.databases import fresh_database
from tests.mariadb import mariadb_server
from tests.unit.warehouse.conftest import shared_engine, store

__all__ = ["shared_engine", "store"]


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with mariadb_server(tmp_path_factory.mktemp("mariadb")) as url:
        yield url


@pytest.fixture
def warehouse(mariadb: str, tmp_path: Path) -> Iterator[sa.Engine]:
    with fresh_database(mariadb) as url:
        engine = sa.create_engine(url)
        yield engine
        engine.dispose()
