"""Real servers of PostgreSQL and MariaDB for the tests that need one, and a process without memories."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.hooks.memory import OF_THIS_PROCESS
from tests.databases import fresh_database
from tests.mariadb import mariadb_server
from tests.postgres import postgres_server


@pytest.fixture(autouse=True)
def _nothing_is_remembered() -> None:
    """Let no test know of templates that another has looked up, or of credentials that were refused to it."""
    OF_THIS_PROCESS.forget()


def do_not_wait_for_the_disk(server_url: str) -> None:
    """Let a server be quick: nobody cuts the power here."""
    admin = sa.create_engine(server_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            connection.exec_driver_sql(f"ALTER SYSTEM SET {setting} = off")
        connection.exec_driver_sql("SELECT pg_reload_conf()")
    admin.dispose()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    with postgres_server() as url:
        do_not_wait_for_the_disk(url)
        yield url


@pytest.fixture
def postgres_url(postgres: str) -> Iterator[str]:
    with fresh_database(postgres) as url:
        yield url


@pytest.fixture(scope="session")
def mariadb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with mariadb_server(tmp_path_factory.mktemp("mariadb")) as url:
        yield url
