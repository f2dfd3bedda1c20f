"""A real MariaDB for tests."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from getpass import getuser
from pathlib import Path

from tests.databases import wait_for_database
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
            wait_for_database(url, process, _SECONDS_TO_START)
            yield url
        finally:
            process.terminate()
