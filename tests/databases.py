"""Databases on the servers that tests start, PostgreSQL, PgBouncer or MariaDB."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import sqlalchemy as sa


@contextmanager
def fresh_database(server_url: str, *, template: str = "", encoding: str = "") -> Iterator[str]:
    """Create a database on the server, yield its URL, and drop it afterwards.

    :param template: the name of a database to copy; PostgreSQL only.
    :param encoding: another encoding than the server's; PostgreSQL only.
    """
    name = f"t{uuid4().hex}"
    admin = sa.create_engine(server_url, isolation_level="AUTOCOMMIT")
    is_postgres = admin.dialect.name == "postgresql"
    with admin.connect() as connection:
        if encoding:
            template = f"template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'"
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


def wait_for_database(url: str | sa.URL, process: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait until a server that was just started accepts connections.

    :param process: the server; the wait ends with an error if it ends.
    """
    engine = sa.create_engine(url)
    end = time.monotonic() + seconds
    while True:
        try:
            engine.connect().close()
        except sa.exc.OperationalError:
            if process.poll() is not None or time.monotonic() > end:
                raise
            time.sleep(0.05)
        else:
            engine.dispose()
            return
