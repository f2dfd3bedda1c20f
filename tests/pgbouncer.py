"""A real PgBouncer for tests, in front of a PostgreSQL server."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from examples.demo.home import free_port
from tests.databases import wait_for_database
from tests.needs import program

_SECONDS_TO_START = 60


@contextmanager
def pgbouncer(server_url: str, pool_mode: str, settings: Mapping[str, object] | None = None) -> Iterator[str]:
    """Run PgBouncer in front of a server, and yield the URL of the same database through it.

    All databases of the server keep their names. Skips the test if PgBouncer is not installed.

    :param server_url: the URL of any database of a server that listens on a Unix socket, as that of the tests does.
    :param pool_mode: ``"transaction"`` or ``"session"``.
    :param settings: further settings, such as ``{"default_pool_size": 1}``.
    """
    command, port, server = program("pgbouncer", "pgbouncer"), free_port(), sa.make_url(server_url)
    socket_folder = Path(str(server.query["host"]))
    with tempfile.TemporaryDirectory(prefix="rcs-pgbouncer-") as folder:
        config = Path(folder) / "pgbouncer.ini"
        config.write_text(
            _ini(
                "* = " + _words({"host": socket_folder, "port": server.port or 5432, "user": server.username}),
                {
                    "listen_addr": "127.0.0.1",
                    "listen_port": port,
                    "unix_socket_dir": "",
                    "auth_type": "any",
                    "pool_mode": pool_mode,
                    "default_pool_size": 4,
                    **(settings or {}),
                },
            )
        )
        arguments = [command, str(config)]
        if os.geteuid() == 0:
            # It refuses to run as root, and only the server's own account may enter the folder of its socket.
            account = socket_folder.owner()
            shutil.chown(folder, account)
            shutil.chown(config, account)
            arguments.insert(1, f"--user={account}")
        with subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                url = server.set(host="127.0.0.1", port=port, query={})
                wait_for_database(url, process, _SECONDS_TO_START)
                yield url.render_as_string(hide_password=False)
            finally:
                process.terminate()


def _ini(database: str, settings: Mapping[str, object]) -> str:
    lines = "\n".join(f"{name} = {value}" for name, value in settings.items())
    return f"[databases]\n{database}\n\n[pgbouncer]\n{lines}\n"


def _words(values: Mapping[str, object]) -> str:
    return " ".join(f"{name}={value}" for name, value in values.items() if value)
