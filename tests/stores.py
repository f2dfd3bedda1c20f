"""Migrated stores for tests, copied from one that each test process migrates once."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import sqlalchemy as sa

from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.db.migrate import migrate
from tests.databases import fresh_database, url_of_database

_TEMPLATE = "migrated_store"


def sqlite_store(file: Path) -> str:
    """Create a store in a new file, in place of one of that name, and return the URL.

    A connection that a thread of an earlier test still holds stays with the old file and its write-ahead log.
    """
    for name in (file.name, f"{file.name}-wal", f"{file.name}-shm"):
        file.with_name(name).unlink(missing_ok=True)
    file.write_bytes(_migrated_file())
    return f"sqlite:///{file}"


@contextmanager
def postgres_store(server_url: str) -> Iterator[str]:
    """Create a store on a server, yield its URL, and drop it afterwards."""
    _create_template(server_url)
    with fresh_database(server_url, template=_TEMPLATE) as url:
        yield url


@cache
def _migrated_file() -> bytes:
    with tempfile.TemporaryDirectory(prefix="rcs-store-") as folder:
        file = Path(folder) / "store.db"
        _migrate(f"sqlite:///{file}")
        return file.read_bytes()


@cache
def _create_template(server_url: str) -> None:
    admin = sa.create_engine(server_url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {_TEMPLATE}")
    admin.dispose()
    _migrate(url_of_database(server_url, _TEMPLATE))


def _migrate(url: str) -> None:
    engine = engine_from_url(url)
    migrate(engine)
    engine.dispose()
