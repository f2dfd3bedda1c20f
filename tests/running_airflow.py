"""A real Airflow whose processes run beside the test."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import requests
import sqlalchemy as sa

from examples.demo.airflow_api import AirflowApi
from examples.demo.home import Home
from examples.demo.processes import Processes

Found = TypeVar("Found")

STANDALONE = ("standalone",)
SECONDS_TO_START, SECONDS_TO_PROGRESS = 240, 180


class AirflowUser(AirflowApi):
    """A user of Airflow's UI, through the REST calls that the UI makes."""

    def is_reachable(self) -> bool:
        """Return whether the API server answers."""
        try:
            return self._session.get(f"{self._url}/api/v2/version", timeout=SECONDS_TO_PROGRESS).ok
        except requests.ConnectionError:
            return False

    def run_states(self, dag_id: str) -> list[str]:
        """Return the states of all runs of a DAG."""
        return [run["state"] for run in self._get(f"{self._dag(dag_id)}/dagRuns")["dag_runs"]]

    def run_ids(self, dag_id: str) -> list[str]:
        """Return the ids of all runs of a DAG, the oldest first."""
        runs = self._get(f"{self._dag(dag_id)}/dagRuns?order_by=id")["dag_runs"]
        return [run["dag_run_id"] for run in runs]

    def asset_events(self) -> list[dict[str, Any]]:
        """Return the extras of all asset events, the oldest first."""
        events = self._get(f"{self._url}/api/v2/assets/events?order_by=timestamp")["asset_events"]
        return [event["extra"] for event in events]

    def emit_asset_event(self, uri: str, extra: Mapping[str, Any]) -> None:
        """Create an event of an asset that a DAG names."""
        [asset] = self._get(f"{self._url}/api/v2/assets?uri_pattern={uri}")["assets"]
        event = {"asset_id": asset["id"], "extra": dict(extra)}
        response = self._session.post(f"{self._url}/api/v2/assets/events", json=event, timeout=SECONDS_TO_PROGRESS)
        response.raise_for_status()

    def open_question(self, dag_id: str, run_id: str) -> dict[str, Any] | None:
        """Return the question of a run that has no answer yet."""
        questions = self._get(f"{self._dag(dag_id)}/dagRuns/{run_id}/hitlDetails")["hitl_details"]
        return next((each for each in questions if not each["response_received"]), None)

    def answer(self, question: dict[str, Any], option: str) -> None:
        """Answer a question with one of its options."""
        task = question["task_instance"]
        url = f"{self._dag(task['dag_id'])}/dagRuns/{task['dag_run_id']}/taskInstances/{task['task_id']}/-1/hitlDetails"
        response = self._session.patch(url, json={"chosen_options": [option]}, timeout=SECONDS_TO_PROGRESS)
        response.raise_for_status()

    def mark(self, dag_id: str, run_id: str, task_id: str, state: str) -> None:
        """Mark a task as failed or as success."""
        url = f"{self._dag(dag_id)}/dagRuns/{run_id}/taskInstances/{task_id}"
        self._session.patch(url, json={"new_state": state}, timeout=SECONDS_TO_PROGRESS).raise_for_status()

    def clear_with_downstream(self, dag_id: str, run_id: str, task_id: str) -> None:
        """Clear a task and everything downstream of it."""
        cleared = {"dag_run_id": run_id, "task_ids": [task_id], "include_downstream": True}
        how = {"dry_run": False, "only_failed": False, "reset_dag_runs": True}
        response = self._session.post(
            f"{self._dag(dag_id)}/clearTaskInstances", json=cleared | how, timeout=SECONDS_TO_PROGRESS
        )
        response.raise_for_status()


@dataclass(frozen=True)
class RunningAirflow:
    """An Airflow with its own folder and processes.

    :param environment: environment of all its processes.
    """

    home: Home
    environment: Mapping[str, str]
    user: AirflowUser
    processes: Processes

    @property
    def url(self) -> str:
        return self.environment["AIRFLOW__API__BASE_URL"]

    def start(self, component: str) -> None:
        """Start one of Airflow's components, such as the scheduler."""
        self.processes.start(component, ["airflow", component], self.environment)

    def command(self, *arguments: str) -> None:
        """Run an Airflow command that must succeed."""
        _command(self.environment, *arguments)

    def wait_until_healthy(self) -> None:
        """Wait until all components are healthy, then log in as the administrator."""
        self.wait_for(self.user.is_healthy, "Airflow is healthy", SECONDS_TO_START)
        self.user.log_in()

    def unpause(self, dag_id: str) -> None:
        """Wait until a DAG is parsed, and unpause it."""
        self.wait_for(lambda: self.user.knows_dag(dag_id), f"Airflow has parsed {dag_id}", SECONDS_TO_START)
        self.user.unpause(dag_id)

    def run_dag(self, dag_id: str, **conf: Any) -> str:
        """Wait until a DAG is parsed, start a run, and return its id."""
        self.unpause(dag_id)
        return self.user.trigger(dag_id, conf)

    def end_of_run(self, dag_id: str, run_id: str) -> str:
        """Wait until a run has ended, and return its state; the logs of one that failed are shown if the test fails."""
        self.wait_for(lambda: self.user.run_state(dag_id, run_id) in ("success", "failed"), f"{dag_id} has ended")
        state = self.user.run_state(dag_id, run_id)
        if state == "failed":
            sys.stdout.write("\n".join([*logs_of_failed_tries(self.home, run_id), *state_mismatches(self.home)]))
        return state

    def wait_for(self, look: Callable[[], Found | None], what: str, seconds: float = SECONDS_TO_PROGRESS) -> Found:
        """Call a function until it finds something, and return that."""
        return wait_until_found(look, what, seconds, self.home, self.processes.require_running)


@contextmanager
def running_airflow(
    home: Home, settings: Mapping[str, str], components: Sequence[str] = STANDALONE
) -> Iterator[RunningAirflow]:
    """Run components of Airflow until the context ends; it begins when the API server answers.

    :param settings: environment in addition to that of the home.
    """
    home.logs.mkdir(parents=True, exist_ok=True)
    environment = home.environment() | dict(settings)
    if components != STANDALONE:
        _command(environment, "db", "migrate")
    processes = Processes(home.logs)
    airflow = RunningAirflow(home, environment, AirflowUser(environment["AIRFLOW__API__BASE_URL"]), processes)
    # ``Processes`` is not entered as a context because that would make pytest ignore Ctrl-C while it stops them.
    try:
        for component in components:
            airflow.start(component)
        airflow.wait_for(airflow.user.is_reachable, "the API server answers", SECONDS_TO_START)
        yield airflow
    finally:
        processes.stop()


def wait_until_found(
    look: Callable[[], Found | None], what: str, seconds: float, home: Home, require_running: Callable[[], object]
) -> Found:
    """Call a function until it finds something; if that takes too long, fail with the end of Airflow's logs.

    :param require_running: raises if a process has ended that must not.
    """
    end = time.monotonic() + seconds
    while not (found := _unless_busy(look)):
        assert time.monotonic() < end, f"{what}: not within {seconds} s\n{all_logs(home)[-8_000:]}"
        require_running()
        time.sleep(0.1)
    return found


def all_logs(home: Home) -> str:
    """Return the logs of all processes and tasks."""
    files = [*sorted((home.folder / "logs").rglob("*.log")), *sorted(home.logs.glob("*.log"))]
    return "\n".join(map(_text_of, files))


def logs_of_failed_tries(home: Home, run_id: str) -> list[str]:
    """Return the ends of the logs of all tries that failed in a run."""
    files = sorted((home.folder / "logs").rglob(f"run_id={run_id}/**/*.log"))
    logs = [(file, _text_of(file)) for file in files]
    return [f"{file.parent.name}, {file.name}:\n{log[-2_000:]}" for file, log in logs if '"level":"error"' in log]


def state_mismatches(home: Home) -> list[str]:
    """Return what the scheduler logged about tasks that it failed because their state was not the one it expected."""
    lines = [line for file in sorted(home.logs.glob("*.log")) for line in _text_of(file).splitlines()]
    return [line for line in lines if "the task instance's state attribute is" in line]


def database_connection(url: sa.URL) -> str:
    """Return the connection to a database, for an ``AIRFLOW_CONN_`` variable."""
    if url.drivername == "sqlite":
        return json.dumps({"conn_type": "sqlite", "host": url.database})
    # The server listens on a socket, whose folder is in the query of the URL.
    fields = {"conn_type": "postgres", "login": url.username, "password": url.password, "schema": url.database}
    return json.dumps(fields | {"extra": {"host": url.query["host"]}})


def _text_of(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")


def _unless_busy(look: Callable[[], Found | None]) -> Found | None:
    """Return what a function finds, or None if a server is too busy to answer it."""
    try:
        return look()
    except requests.Timeout:
        return None


def _command(environment: Mapping[str, str], *arguments: str) -> None:
    completed = subprocess.run(
        ["airflow", *arguments],
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS_TO_START,
        check=False,
    )
    assert completed.returncode == 0, completed.stdout[-4_000:] + completed.stderr[-4_000:]
