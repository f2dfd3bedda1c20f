"""Airflow's commands, with a sandbox, a receiver, a store and a warehouse."""

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

from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.db.migrate import migrate
from examples.demo.sample import make_warehouse
from tests.reporting_sandbox import reporting_sandbox
from tests.sandbox_process import SandboxProcess

DAGS = Path(__file__).parents[2] / "dags"
SECONDS_FOR_A_RUN = 240


@dataclass(frozen=True)
class AirflowCommands:
    """Runs Airflow's commands with every connection that the example DAGs need."""

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
        """Run a DAG by ``airflow dags test`` in its own process."""
        command = ["dags", "test", dag_id, "--dagfile-path", f"{folder}/{dag_id}.py"]
        return self.run(*command, "--conf", json.dumps(dict(conf or {})), dags=folder)

    def run(self, *arguments: str, dags: Path = DAGS) -> subprocess.CompletedProcess[str]:
        """Run an Airflow command."""
        return subprocess.run(
            [sys.executable, "-m", "airflow", *arguments],
            env=self._environment(dags),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS_FOR_A_RUN,
            check=False,
        )

    def _environment(self, dags: Path) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")}
        return inherited | {
            "AIRFLOW_HOME": str(self.folder / "airflow"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
            "AIRFLOW__CORE__TEST_CONNECTION": "Enabled",
            "AIRFLOW_CONN_RCS_DEFAULT": self.sandbox.connection(status_codes={"20": "read"}),
            "AIRFLOW_CONN_RCS_STORE": json.dumps({"conn_type": "sqlite", "host": str(self.store)}),
            "AIRFLOW_CONN_WAREHOUSE": json.dumps({"conn_type": "sqlite", "host": str(self.warehouse)}),
        }

    def rows(self, database: Path, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Return the rows of a query on one of the SQLite databases."""
        with closing(sqlite3.connect(database)) as connection:
            return connection.execute(sql, parameters).fetchall()


@pytest.fixture(scope="session")
def airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowCommands]:
    folder = tmp_path_factory.mktemp("system")
    refused = make_warehouse(folder / "warehouse.db")
    store_url = f"sqlite:///{folder}/store.db"
    migrate(engine_from_url(store_url))
    with reporting_sandbox(store_url, refused_phone=refused, code={"read": "20"}) as sandbox:
        airflow = AirflowCommands(folder, sandbox)
        migrated = airflow.run("db", "migrate")
        assert migrated.returncode == 0, migrated.stderr
        yield airflow
