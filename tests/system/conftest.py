"""A real Airflow in a home of its own, with a sandbox, a receiver, a store and a warehouse beside it."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_rcs.demo.sample import make_warehouse
from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.db.migrate import migrate
from tests.receiver_process import ReceiverProcess
from tests.sandbox_process import SandboxProcess

DAGS = Path(__file__).parents[2] / "dags"
SECONDS_FOR_A_RUN = 240


@dataclass(frozen=True)
class Place:
    """Everything that a DAG of the examples meets."""

    folder: Path
    sandbox: SandboxProcess

    @property
    def store(self) -> Path:
        return self.folder / "store.db"

    @property
    def warehouse(self) -> Path:
        return self.folder / "warehouse.db"

    @property
    def airflow_database(self) -> Path:
        return self.folder / "airflow" / "airflow.db"

    def run_dag(
        self, dag_id: str, conf: Mapping[str, Any] | None = None, folder: Path = DAGS
    ) -> subprocess.CompletedProcess[str]:
        """Run a DAG by ``airflow dags test`` in a process of its own."""
        command = [sys.executable, "-m", "airflow", "dags", "test", dag_id, "--dagfile-path", f"{folder}/{dag_id}.py"]
        return subprocess.run(
            [*command, "--conf", json.dumps(dict(conf or {}))],
            env=self.environment() | {"AIRFLOW__CORE__DAGS_FOLDER": str(folder)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS_FOR_A_RUN,
            check=False,
        )

    def airflow(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of Airflow's."""
        return subprocess.run(
            [sys.executable, "-m", "airflow", *arguments],
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=SECONDS_FOR_A_RUN,
            check=False,
        )

    def environment(self) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        rcs = {
            "conn_type": "rcs",
            "host": self.sandbox.url,
            "login": self.sandbox.login,
            "password": self.sandbox.password,
            "extra": {"status_codes": {"20": "read"}},
        }
        return own | {
            "AIRFLOW_HOME": str(self.folder / "airflow"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(DAGS),
            "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
            "AIRFLOW_CONN_RCS_DEFAULT": json.dumps(rcs),
            "AIRFLOW_CONN_RCS_STORE": json.dumps({"conn_type": "sqlite", "host": str(self.store)}),
            "AIRFLOW_CONN_WAREHOUSE": json.dumps({"conn_type": "sqlite", "host": str(self.warehouse)}),
        }

    def rows(self, database: Path, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Return what a query of one of the SQLite databases gives."""
        with closing(sqlite3.connect(database)) as connection:
            return connection.execute(sql, parameters).fetchall()


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("system")
    refused = make_warehouse(folder / "warehouse.db")
    store_url = f"sqlite:///{folder}/store.db"
    migrate(engine_from_url(store_url))
    with (
        ReceiverProcess(store_url) as receiver,
        SandboxProcess(
            refused_phone=refused,
            code={"read": "20"},
            report_url=receiver.url,
            report_login=receiver.login,
            report_password=receiver.password,
        ) as sandbox,
    ):
        place = Place(folder, sandbox)
        ended = place.airflow("db", "migrate")
        assert ended.returncode == 0, ended.stderr
        yield place
