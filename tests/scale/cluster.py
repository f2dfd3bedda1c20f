"""An Airflow with two Celery workers, a Redis broker, and a PostgreSQL database."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy as sa

from examples.demo.home import Home
from tests.databases import fresh_database
from tests.redis_server import redis_server
from tests.running_airflow import SECONDS_TO_PROGRESS, Found, RunningAirflow, running_airflow, wait_until_found

WORKERS = ("one", "two")
TASKS_A_WORKER = 2

_WORKER = ("airflow", "celery", "worker", "--skip-serve-logs", "--without-gossip", "--without-mingle")


@dataclass(frozen=True)
class CeleryCluster:
    """A running Airflow whose tasks run on two workers.

    :param database: Airflow's own database.
    """

    airflow: RunningAirflow
    database: sa.Engine
    _killed: set[int] = field(default_factory=set)

    def wait_for(self, look: Callable[[], Found | None], what: str) -> Found:
        """Call a function until it finds something, and return that."""
        return wait_until_found(look, what, SECONDS_TO_PROGRESS, self.airflow.home, self._require_running)

    def _require_running(self) -> None:
        if not self._killed:
            self.airflow.processes.require_running()

    def kill_worker_of(self, task: int) -> set[int]:
        """Kill the worker that runs a task's process, with all its children, and return the killed processes."""
        [worker] = [each for each in psutil.Process(task).parents() if each.ppid() == os.getpid()]
        family = [worker, *worker.children(recursive=True)]
        self._killed.update(member.pid for member in family)
        for member in family:
            member.kill()
        _, alive = psutil.wait_procs(family, timeout=SECONDS_TO_PROGRESS)
        assert not alive
        return self._killed

    def mapped_tasks(self, dag_id: str) -> dict[int, tuple[str, int]]:
        """Return the state and try number of each mapped task of a DAG that ran once."""
        query = sa.text(
            "SELECT map_index, state, try_number FROM task_instance WHERE dag_id = :dag_id AND map_index >= 0"
        )
        with self.database.connect() as connection:
            rows = connection.execute(query, {"dag_id": dag_id}).all()
        return {row.map_index: (row.state or "", row.try_number) for row in rows}

    def asset_events(self) -> list[dict[str, Any]]:
        """Return the extras of all asset events."""
        with self.database.connect() as connection:
            return list(connection.execute(sa.text("SELECT extra FROM asset_event")).scalars())

    def log(self, map_index: int) -> str:
        """Return what all tries of a mapped task have logged so far."""
        return _texts((self.airflow.home.folder / "logs").rglob(f"map_index={map_index}/*.log"))


@contextmanager
def celery_cluster(folder: Path, dags: Path, postgres: str, settings: Mapping[str, str]) -> Iterator[CeleryCluster]:
    """Run a cluster.

    :param postgres: URL of a server, on which Airflow gets a database.
    :param settings: environment of the processes in addition to the cluster's own.
    """
    home = Home(folder / "home", dags)
    components = ("api-server", "scheduler", "dag-processor")
    with redis_server(folder) as redis, fresh_database(postgres) as url:
        celery = _celery_settings(sa.make_url(url), redis)
        with running_airflow(home, celery | dict(settings), components) as airflow:
            for name in WORKERS:
                airflow.processes.start(f"worker-{name}", [*_WORKER, "--celery-hostname", name], airflow.environment)
            airflow.user.log_in()
            database = sa.create_engine(url)
            try:
                yield CeleryCluster(airflow, database)
            finally:
                database.dispose()


def _celery_settings(database: sa.URL, redis: str) -> dict[str, str]:
    url = database.set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)
    return {
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url,
        "AIRFLOW__CELERY__BROKER_URL": f"{redis}/0",
        "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{url}",
        "AIRFLOW__CELERY__WORKER_CONCURRENCY": str(TASKS_A_WORKER),
        # These make Airflow notice a dead worker soon; by default it takes five minutes.
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "1",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "10",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    }


def _texts(files: Iterator[Path]) -> str:
    return "\n".join(file.read_text(encoding="utf-8", errors="replace") for file in sorted(files))
