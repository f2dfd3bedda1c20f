"""The folder in which the demo runs its own Airflow."""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

SANDBOX_LOGIN, SANDBOX_TOKEN = "demo", "demo-token"
READ_CODE = "20"


@dataclass(frozen=True)
class Home:
    """The files and settings of one Airflow.

    :param folder: folder for everything that is created; it survives between runs.
    :param dags: folder of the DAG files.
    """

    folder: Path
    dags: Path

    @property
    def logs(self) -> Path:
        """Folder of the processes' logs."""
        return self.folder / "demo-logs"

    @property
    def warehouse(self) -> Path:
        """SQLite database of the warehouse."""
        return self.folder / "warehouse.db"

    @property
    def store(self) -> Path:
        """SQLite database of the store."""
        return self.folder / "store.db"

    @property
    def sandbox_record(self) -> Path:
        """File to which the sandbox appends each accepted message."""
        return self.folder / "sandbox-accepted.jsonl"

    @property
    def store_url(self) -> str:
        """SQLAlchemy URL of the store."""
        return f"sqlite:///{self.store}"

    @cached_property
    def reports_password(self) -> str:
        """Password with which the sandbox pushes reports; new in each run."""
        # Only letters and digits, because it becomes a command-line argument, which must not start with a dash.
        return secrets.token_hex(16)

    @cached_property
    def api_port(self) -> int:
        """Port of Airflow's API server."""
        return free_port()

    @cached_property
    def sandbox_port(self) -> int:
        """Port of the sandbox, the same in each run: another port is another account, which continues no campaign."""
        file = self.folder / "sandbox-port"
        if not file.exists():
            file.write_text(str(free_port()), encoding="ascii")
        return int(file.read_text(encoding="ascii"))

    def environment(self) -> dict[str, str]:
        """Return the environment of all processes, except the connection to the service."""
        api = f"http://127.0.0.1:{self.api_port}"
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        return inherited | {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), inherited.get("PATH", "")]),
            "PYTHONUNBUFFERED": "1",
            "AIRFLOW_HOME": str(self.folder),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.dags),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{api}/execution/",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.api_port),
            "AIRFLOW__API__BASE_URL": api,
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_urlsafe(32),
            # Airflow serves the logs of workers and triggers on a port each; free ones let several demos run at once.
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
            "AIRFLOW_RCS_STORE_URL": self.store_url,
            "AIRFLOW_RCS_REPORTS_LOGIN": "rcs",
            "AIRFLOW_RCS_REPORTS_PASSWORD": self.reports_password,
            "AIRFLOW_CONN_RCS_STORE": json.dumps({"conn_type": "sqlite", "host": str(self.store)}),
            "AIRFLOW_CONN_WAREHOUSE": json.dumps({"conn_type": "sqlite", "host": str(self.warehouse)}),
            "AIRFLOW_CONN_RCS_REPORTS": json.dumps(
                {"conn_type": "http", "login": "rcs", "password": self.reports_password}
            ),
        }


def sandbox_connection(url: str) -> str:
    """Return the connection to the sandbox, for an ``AIRFLOW_CONN_`` variable."""
    return json.dumps(
        {
            "conn_type": "rcs",
            "host": url,
            "login": SANDBOX_LOGIN,
            "password": SANDBOX_TOKEN,
            "extra": {"agent": "my-rcs-agent", "status_codes": {READ_CODE: "read"}},
        }
    )


def free_port() -> int:
    """Return a free port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
