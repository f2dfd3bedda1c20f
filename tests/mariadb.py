"""A real MariaDB for tests."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from getpass import getuser
from pathlib import Path

import sqlalchemy as sa

from tests.needs import program

_SECONDS_TO_START = 60


@contextmanager
def mariadb_server(folder: Path) -> Iterator[str]:
    """Run a server, and yield the URL of its system database; skip the test if the server is not installed."""
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
