"""Databases on real PostgreSQL and MariaDB servers, and an empty cache of look-ups for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from airflow_provider_rcs.hooks.lookup_cache import LOOKUP_CACHE
from tests.databases import fresh_database
from tests.mariadb import mariadb_server


@pytest.fixture(autouse=True)
def _empty_lookup_cache() -> None:
    """Clear templates that another test has looked up."""
    LOOKUP_CACHE.clear()


@pytest.fixture
def postgres_url(postgres: str) -> Iterator[str]:
    with fresh_database(postgres) as url:
        yield url


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with mariadb_server(tmp_path_factory.mktemp("mariadb")) as url:
        yield url
