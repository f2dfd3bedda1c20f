"""A whole Airflow that runs some DAGs, with a sandbox, a receiver and a store beside it, and a person who uses it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
import sqlalchemy as sa

from airflow_provider_rcs.demo.airflow_api import AirflowApi
from airflow_provider_rcs.demo.home import Home
from airflow_provider_rcs.demo.processes import Processes
from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.db.migrate import migrate
from tests.receiver_process import ReceiverProcess
from tests.sandbox_process import SandboxProcess
from tests.watching_airflow import Found, look_until_found

SECONDS_TO_START, SECONDS_TO_GET_ON = 240, 180
ENDED = ("success", "failed")


class Person(AirflowApi):
    """What a person does in Airflow's UI, by the calls that the UI makes."""

    def question(self, dag_id: str, run_id: str) -> dict[str, Any] | None:
        """What a run asks and nobody has answered yet."""
        asked = self._get(f"{self._dag(dag_id)}/dagRuns/{run_id}/hitlDetails")["hitl_details"]
        return next((each for each in asked if not each["response_received"]), None)

    def answer(self, question: dict[str, Any], option: str) -> None:
        task = question["task_instance"]
        url = f"{self._dag(task['dag_id'])}/dagRuns/{task['dag_run_id']}/taskInstances/{task['task_id']}/-1/hitlDetails"
        answer = self._session.patch(url, json={"chosen_options": [option]}, timeout=SECONDS_TO_GET_ON)
        answer.raise_for_status()

    def clear_with_downstream(self, dag_id: str, run_id: str, task_id: str) -> None:
        cleared = {"dag_run_id": run_id, "task_ids": [task_id], "include_downstream": True}
        how = {"dry_run": False, "only_failed": False, "reset_dag_runs": True}
        answer = self._session.post(
            f"{self._dag(dag_id)}/clearTaskInstances", json=cleared | how, timeout=SECONDS_TO_GET_ON
        )
        answer.raise_for_status()


@dataclass(frozen=True)
class RunningAirflow:
    """A running Airflow, and everything that its DAGs meet."""

    home: Home
    person: Person
    processes: Processes
    sandbox: SandboxProcess
    store: sa.Engine

    def start(self, dag_id: str, **conf: Any) -> str:
        """Start a run of a DAG as soon as it is known, and give the run's id."""
        self.wait_for(lambda: self.person.knows_dag(dag_id), f"Airflow has read {dag_id}", SECONDS_TO_START)
        self.person.unpause(dag_id)
        return self.person.trigger(dag_id, conf)

    def question(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """Wait until a run asks something, and can take an answer."""
        question = self.wait_for(lambda: self.person.question(dag_id, run_id), f"{dag_id} asks")
        task = question["task_instance"]
        key = f"task_id='{task['task_id']}', run_id='{run_id}', try_number={task['try_number']}"
        # No person answers so soon, but a test does: before the scheduler has heard that the process which asked has
        # ended, it takes this end for that of the process which goes on after the answer, and fails the task.
        self.wait_for(lambda: self._scheduler_heard_of_end(key), f"the process of {dag_id} that asks has ended")
        return question

    def end(self, dag_id: str, run_id: str) -> dict[str, str]:
        """Wait until a run has ended, and give the state of each of its tasks, and of the run as ``"run"``."""
        self.wait_for(lambda: self.person.run_state(dag_id, run_id) in ENDED, f"{dag_id} has ended")
        tasks = {task: state for task, (state, _) in self.person.task_states(dag_id, run_id).items()}
        return {**tasks, "run": self.person.run_state(dag_id, run_id)}

    def messages_per_phone(self, campaign: str) -> dict[str, int]:
        """What the service has accepted for a campaign: phone -> messages."""
        with self.store.connect() as connection:
            named = sa.text("SELECT token FROM rcs_campaign WHERE name = :name")
            token = connection.execute(named, {"name": campaign}).scalar_one_or_none()
        phones = [
            each["phone"] for each in self.sandbox.accepted() if each["campaign_reference"].startswith(f"{token}-")
        ]
        return {phone: phones.count(phone) for phone in phones}

    def log(self, task_id: str, run_id: str) -> str:
        """What Airflow's logs of all tries of a task say."""
        files = (self.home.folder / "logs").rglob(f"run_id={run_id}/task_id={task_id}/**/*.log")
        return "\n".join(file.read_text(encoding="utf-8") for file in sorted(files))

    def wait_for(self, look: Callable[[], Found | None], what: str, seconds: float = SECONDS_TO_GET_ON) -> Found:
        """Look again and again until there is something to see."""
        return look_until_found(lambda: _patiently(look), what, seconds, self.home, self.processes.require_running)

    def _scheduler_heard_of_end(self, key: str) -> bool:
        lines = self.processes.log("airflow").read_text(encoding="utf-8", errors="replace").splitlines()
        return any("Received executor event with state success" in line and key in line for line in lines)


def _patiently(look: Callable[[], Found | None]) -> Found | None:
    """See nothing where a server is too busy to answer."""
    try:
        return look()
    except requests.Timeout:
        return None


@contextmanager
def running_airflow(folder: Path, dags: Path, **sandbox_options: Any) -> Iterator[RunningAirflow]:
    """Start everything, and stop it at the end.

    :param folder: where Airflow and the databases live; the warehouse is ``warehouse.db`` in it.
    :param dags: the folder of the DAG files.
    """
    home = Home(folder, dags)
    home.logs.mkdir(parents=True)
    store = engine_from_url(home.store_url)
    migrate(store)
    with ExitStack() as stack:
        stack.callback(store.dispose)
        receiver = stack.enter_context(ReceiverProcess(home.store_url))
        reports = {"report_login": receiver.login, "report_password": receiver.password}
        sandbox = stack.enter_context(SandboxProcess(report_url=receiver.url, **reports, **sandbox_options))
        processes = Processes(home.logs)
        # Not as a context: that is for a program of its own, and leaves it deaf to Ctrl-C.
        stack.callback(processes.stop)
        account = {"conn_type": "rcs", "host": sandbox.url, "login": sandbox.login, "password": sandbox.password}
        environment = home.environment() | {"AIRFLOW_CONN_RCS_DEFAULT": json.dumps(account)}
        processes.start("airflow", ["airflow", "standalone"], environment)
        running = RunningAirflow(home, Person(environment["AIRFLOW__API__BASE_URL"]), processes, sandbox, store)
        running.wait_for(running.person.is_healthy, "Airflow is healthy", SECONDS_TO_START)
        running.person.log_in()
        yield running
