"""Databases on the servers that tests start, PostgreSQL or MariaDB."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import sqlalchemy as sa


@contextmanager
def fresh_database(server_url: str, *, template: str = "") -> Iterator[str]:
    """Create a database on the server, yield its URL, and drop it afterwards.

    :param template: the name of a database to copy; PostgreSQL only.
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
    """Return the URL of another database on the server."""
    return sa.make_url(server_url).set(database=name).render_as_string(hide_password=False)
