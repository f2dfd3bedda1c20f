"""Databases on the servers that tests start: PostgreSQL and MariaDB."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import sqlalchemy as sa


@contextmanager
def fresh_database(server_url: str, *, template: str = "") -> Iterator[str]:
    """Make a database of its own on the server, and give its URL; it is dropped afterwards.

    :param template: the database that it is to be a copy of; only PostgreSQL can copy one.
    """
    name = f"t{uuid4().hex}"
    admin = sa.create_engine(server_url, isolation_level="AUTOCOMMIT")
    is_postgres = admin.dialect.name == "postgresql"
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}{f' TEMPLATE {template}' if template else ''}")
    try:
        yield url_of_database(server_url, name)
    finally:
        with admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name}{' WITH (FORCE)' if is_postgres else ''}")
        admin.dispose()


def url_of_database(server_url: str, name: str) -> str:
    """Return the URL of another database of the server."""
    return sa.make_url(server_url).set(database=name).render_as_string(hide_password=False)
