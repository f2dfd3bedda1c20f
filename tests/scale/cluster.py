"""Airflow scaled out: two Celery workers, Redis between them and the scheduler, and PostgreSQL for its own data."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import requests
import sqlalchemy as sa

from airflow_provider_rcs.demo.airflow_api import AirflowApi
from airflow_provider_rcs.demo.home import Home
from airflow_provider_rcs.demo.processes import Processes
from tests.databases import fresh_database
from tests.redis_server import redis_server
from tests.watching_airflow import Found, look_until_found

WORKERS = ("one", "two")
TASKS_A_WORKER = 2
SECONDS_TO_START, SECONDS_TO_GET_ON = 180, 120

_WORKER = ("airflow", "celery", "worker", "--skip-serve-logs", "--without-gossip", "--without-mingle")


@dataclass(frozen=True)
class Cluster:
    """A running Airflow whose tasks run on two workers.

    :param database: Airflow's own.
    """

    home: Home
    api: AirflowApi
    processes: Processes
    database: sa.Engine
    _killed: set[int] = field(default_factory=set)

    def wait_for(self, look: Callable[[], Found | None], what: str, seconds: float = SECONDS_TO_GET_ON) -> Found:
        """Look again and again until there is something to see."""
        return look_until_found(look, what, seconds, self.home, self._require_running)

    def _require_running(self) -> None:
        if not self._killed:
            self.processes.require_running()

    def kill_worker_of(self, task: int) -> set[int]:
        """Kill the worker that a task's process belongs to, with all its children, and give the processes that died."""
        [worker] = [each for each in psutil.Process(task).parents() if each.ppid() == os.getpid()]
        family = [worker, *worker.children(recursive=True)]
        self._killed.update(member.pid for member in family)
        for member in family:
            member.kill()
        _, alive = psutil.wait_procs(family, timeout=SECONDS_TO_GET_ON)
        assert not alive
        return self._killed

    def mapped_tasks(self, dag_id: str) -> dict[int, tuple[str, int]]:
        """Tell of the mapped tasks of a DAG that was run once: number -> state, and which try it is."""
        asked = sa.text(
            "SELECT map_index, state, try_number FROM task_instance WHERE dag_id = :dag_id AND map_index >= 0"
        )
        with self.database.connect() as connection:
            rows = connection.execute(asked, {"dag_id": dag_id}).all()
        return {row.map_index: (row.state or "", row.try_number) for row in rows}

    def asset_events(self) -> list[dict[str, Any]]:
        """Return what the events of assets have told."""
        with self.database.connect() as connection:
            return list(connection.execute(sa.text("SELECT extra FROM asset_event")).scalars())

    def log(self, map_index: int) -> str:
        """Return what all tries of a mapped task have logged so far."""
        return _texts((self.home.folder / "logs").rglob(f"map_index={map_index}/*.log"))


@contextmanager
def cluster(folder: Path, dags: Path, postgres: str, settings: Mapping[str, str]) -> Iterator[Cluster]:
    """Run one.

    :param postgres: the URL of a server, on which Airflow gets a database.
    :param settings: environment of its processes beyond what makes it a cluster.
    """
    home = Home(folder / "home", dags)
    home.logs.mkdir(parents=True)
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server(folder))
        url = sa.make_url(stack.enter_context(fresh_database(postgres)))
        environment = home.environment() | _scaled_out(url, redis) | dict(settings)
        _command(environment, "airflow", "db", "migrate")
        processes = Processes(home.logs)
        # Not as a context: that is for a program of its own, and leaves it deaf to Ctrl-C.
        stack.callback(processes.stop)
        for name in ("api-server", "scheduler", "dag-processor"):
            processes.start(name, ["airflow", name], environment)
        for name in WORKERS:
            processes.start(f"worker-{name}", [*_WORKER, "--celery-hostname", name], environment)
        database = sa.create_engine(url)
        stack.callback(database.dispose)
        running = Cluster(home, AirflowApi(environment["AIRFLOW__API__BASE_URL"]), processes, database)
        running.wait_for(lambda: _has_logged_in(running.api), "the API server answers", SECONDS_TO_START)
        yield running


def _scaled_out(database: sa.URL, redis: str) -> dict[str, str]:
    url = database.set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)
    return {
        "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": url,
        "AIRFLOW__CELERY__BROKER_URL": f"{redis}/0",
        "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{url}",
        "AIRFLOW__CELERY__WORKER_CONCURRENCY": str(TASKS_A_WORKER),
        # How soon it is seen that a worker died; by default it takes five minutes.
        "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "1",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "10",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    }


def _command(environment: Mapping[str, str], *command: str) -> None:
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout[-4_000:] + ended.stderr[-4_000:]


def _has_logged_in(api: AirflowApi) -> bool:
    try:
        api.log_in()
    except requests.RequestException:
        return False
    return True


def _texts(files: Iterator[Path]) -> str:
    return "\n".join(file.read_text(encoding="utf-8", errors="replace") for file in sorted(files))
