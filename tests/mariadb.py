"""A real MariaDB for tests, where its server is installed: one for the test process, a fresh database for each test."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from getpass import getuser
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa

from tests.needs import program

_SECONDS_TO_START = 60


@contextmanager
def mariadb_server(folder: Path) -> Iterator[str]:
    """Run a server, and give the URL of its own database; skip the test where the server is not installed."""
    server = program("mariadbd", "mariadb-server")
    install = program("mariadb-install-db", "mariadb-server")
    data, socket = folder / "data", folder / "s"
    as_user = f"--user={getuser()}"
    subprocess.run(
        [install, "--no-defaults", f"--datadir={data}", as_user, "--auth-root-authentication-method=normal"],
        check=True,
        capture_output=True,
    )
    with subprocess.Popen(
        [server, "--no-defaults", f"--datadir={data}", f"--socket={socket}", as_user, "--skip-networking"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            url = f"mariadb+pymysql://root@localhost/mysql?unix_socket={socket}&charset=utf8mb4"
            _wait_for(url, process)
            yield url
        finally:
            process.terminate()


@contextmanager
def fresh_database(server_url: str) -> Iterator[str]:
    """Make a database on the server, and give its URL; it is dropped afterwards."""
    name = f"t{uuid4().hex}"
    admin = sa.create_engine(server_url)
    with admin.begin() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    try:
        yield sa.make_url(server_url).set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.begin() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {name}")
        admin.dispose()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    engine = sa.create_engine(url)
    end = time.monotonic() + _SECONDS_TO_START
    while True:
        try:
            engine.connect().close()
        except sa.exc.OperationalError:
            if process.poll() is not None or time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            engine.dispose()
            return
