"""Sending tasks that a real Airflow stops: marked, cleared, or out of time."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.db.migrate import migrate
from airflow_provider_rcs.store.read.funnel import Funnel, read_funnel
from examples.demo.home import Home
from tests.databases import fresh_database
from tests.postgres import postgres_server
from tests.running_airflow import RunningAirflow, database_connection, running_airflow
from tests.sandbox_process import SandboxProcess

DAGS = Path(__file__).parent / "dags"
# A run's time begins before its task does, and a slow machine starts one in many seconds: that list takes longest.
PEOPLE = {"failed": 4_000, "success": 4_000, "cleared": 4_000, "task_limit": 4_000, "run_limit": 8_000}
SECONDS_TO_STOP = timedelta(seconds=0.5)
STOPS = ("Server indicated the task shouldn't be running anymore", "Process timed out")
MOST_CLEARS = MOST_TRIES = 8


@dataclass(frozen=True)
class StoppingSystem:
    """A running Airflow, and the service and store that its tasks use."""

    airflow: RunningAirflow
    sandbox: SandboxProcess
    store: sa.Engine

    def accepted(self, name: str) -> list[datetime]:
        """Return the times at which the service accepted the messages to a list."""
        prefix = prefix_of(name)
        entries = [entry for entry in self.sandbox.accepted() if entry["phone"].startswith(prefix)]
        return [datetime.fromisoformat(entry["accepted_at"]) for entry in entries]

    def funnel(self, name: str) -> Funnel:
        funnel = read_funnel(self.store, name)
        assert funnel is not None
        return funnel

    def start(self, dag_id: str, name: str) -> str:
        """Start a run, and return its id once it has sent some of its list."""
        run_id = self.airflow.run_dag(dag_id, list=name)
        self.airflow.wait_for(lambda: len(self.accepted(name)) > 200, f"{name} is sending")
        return run_id

    def log(self, run_id: str, attempt: int) -> list[dict[str, Any]]:
        """Return the lines of Airflow's log of the n-th try of the run's task."""
        folder = self.airflow.home.folder / "logs"
        files = [file for file in folder.rglob(f"attempt={attempt}.log") if f"run_id={run_id}" in str(file)]
        text = files[0].read_text(encoding="utf-8") if files else ""
        return [json.loads(line) for line in text.splitlines() if line.endswith("}")]

    def stop_of(self, run_id: str) -> tuple[int, datetime]:
        """Wait until a try of a run's task was stopped while it was sending; return which one, and when that was."""

        def look() -> tuple[int, datetime] | None:
            for attempt in range(1, MOST_TRIES + 1):
                lines = self.log(run_id, attempt)
                if any("recipients processed: " in line["event"] for line in lines if line["level"] == "error"):
                    times = [line["timestamp"] for line in lines if line["event"].startswith(STOPS)]
                    return attempt, min(map(datetime.fromisoformat, times))
            return None

        return self.airflow.wait_for(look, "the task is stopped")

    def complete(self, dag_id: str, run_id: str) -> None:
        """Clear the task until its run succeeds."""
        for _ in range(MOST_CLEARS):
            if self.airflow.end_of_run(dag_id, run_id) == "success":
                return
            self.airflow.user.clear_with_downstream(dag_id, run_id, "send")
        raise AssertionError(f"{dag_id} does not succeed")


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def system(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoppingSystem]:
    folder = tmp_path_factory.mktemp("stopped")
    if request.param == "sqlite":
        yield from running_system(folder, f"sqlite:///{folder}/store.db")
    else:
        with postgres_server() as server, fresh_database(server) as url:
            yield from running_system(folder, url)


def running_system(folder: Path, store_url: str) -> Iterator[StoppingSystem]:
    home = Home(folder / "home", DAGS)
    home.folder.mkdir()
    make_warehouse(home.warehouse)
    store = engine_from_url(store_url)
    migrate(store)
    with SandboxProcess(latency=0.3) as sandbox:
        settings = {
            "AIRFLOW_CONN_RCS_DEFAULT": sandbox.connection(),
            "AIRFLOW_CONN_RCS_STORE": database_connection(store.url),
        }
        with running_airflow(home, settings) as airflow:
            airflow.wait_until_healthy()
            yield StoppingSystem(airflow, sandbox, store)
    store.dispose()


def prefix_of(name: str) -> str:
    return f"346{list(PEOPLE).index(name)}"


def make_warehouse(path: Path) -> None:
    people = [(name, f"+{prefix_of(name)}{number:07d}") for name, count in PEOPLE.items() for number in range(count)]
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE customer (id INTEGER PRIMARY KEY, list TEXT, phone TEXT)")
        connection.executemany("INSERT INTO customer (list, phone) VALUES (?, ?)", people)
        connection.commit()


def require_stopped(system: StoppingSystem, name: str, run_id: str) -> None:
    """Check that nothing left from the stop until the next try, and that the log says what was stopped."""
    attempt, stopped = system.stop_of(run_id)
    times = system.accepted(name)
    next_try = system.log(run_id, attempt + 1)
    until = datetime.fromisoformat(next_try[0]["timestamp"]) if next_try else max(times)
    assert [each - stopped for each in times if stopped + SECONDS_TO_STOP < each < until] == []
    events = [line["event"] for line in system.log(run_id, attempt)]
    lines = [event for event in events if "the task was stopped from outside" in event]
    assert len(lines) == 1
    assert "Retry or clear the task" in lines[0]


def require_complete(system: StoppingSystem, name: str) -> None:
    """Check that each person of a list was messaged once, and that nobody was in doubt at any time."""
    phones = [entry["phone"] for entry in system.sandbox.accepted() if entry["phone"].startswith(prefix_of(name))]
    assert len(phones) == len(set(phones)) == PEOPLE[name]
    assert {state: count for state, count in system.funnel(name).states.items() if count} == {
        MessageState.ACCEPTED: PEOPLE[name]
    }


@pytest.mark.parametrize("state", ["failed", "success"])
def test_a_task_that_is_marked_stops_and_a_clear_sends_the_rest(system: StoppingSystem, state: str) -> None:
    dag_id = "rcs_stopped_by_hand"
    run_id = system.start(dag_id, state)

    system.airflow.user.mark(dag_id, run_id, "send", state)

    require_stopped(system, state, run_id)
    assert system.funnel(state).states[MessageState.IN_DOUBT] == 0
    assert system.funnel(state).states[MessageState.PLANNED] > 0
    system.airflow.end_of_run(dag_id, run_id)
    system.airflow.user.clear_with_downstream(dag_id, run_id, "send")
    system.airflow.wait_for(lambda: system.log(run_id, 2), "the next try begins")
    assert system.airflow.end_of_run(dag_id, run_id) == "success"
    require_complete(system, state)


def test_a_task_that_is_cleared_stops_before_its_next_try_sends_the_rest(system: StoppingSystem) -> None:
    dag_id = "rcs_stopped_by_hand"
    run_id = system.start(dag_id, "cleared")

    system.airflow.user.clear_with_downstream(dag_id, run_id, "send")

    require_stopped(system, "cleared", run_id)
    assert system.airflow.end_of_run(dag_id, run_id) == "success"
    require_complete(system, "cleared")


@pytest.mark.parametrize(
    ("dag_id", "name"),
    [("rcs_stopped_by_its_time_limit", "task_limit"), ("rcs_stopped_by_the_time_limit_of_its_run", "run_limit")],
)
def test_a_task_whose_time_is_over_stops_and_further_tries_send_the_rest(
    system: StoppingSystem, dag_id: str, name: str
) -> None:
    run_id = system.start(dag_id, name)

    require_stopped(system, name, run_id)
    system.complete(dag_id, run_id)
    require_complete(system, name)
