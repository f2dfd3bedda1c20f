"""New reports start the example DAG under a real scheduler, triggerer and DAG processor: once for each batch."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.models import Report
from airflow_provider_rcs.demo.airflow_api import AirflowApi
from airflow_provider_rcs.demo.home import Home
from airflow_provider_rcs.demo.processes import Processes
from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.db.migrate import migrate
from airflow_provider_rcs.store.inbox.cursors import read_cursor
from airflow_provider_rcs.store.inbox.folding import fold
from airflow_provider_rcs.store.inbox.landing import land
from tests.unit.store.given import NOON, sent
from tests.watching_airflow import look_until_found

DAG_ID, WATCHER = "rcs_reports_on_arrival", "reports"
EXAMPLE = Path(__file__).parents[2] / "dags" / f"{DAG_ID}.py"
PEOPLE = [f"346{number:08d}" for number in range(10)]
SECONDS_TO_START, SECONDS_TO_GET_ON = 120, 60


class Api(AirflowApi):
    """Airflow's REST API, asked for what an event leaves behind."""

    def runs(self) -> list[str]:
        """The states of the DAG's runs."""
        return [run["state"] for run in self._get(f"{self._dag(DAG_ID)}/dagRuns")["dag_runs"]]

    def events(self) -> list[int]:
        """How many reports each event of the asset tells of, from the first on."""
        events = self._get(f"{self._url}/api/v2/assets/events?order_by=timestamp")["asset_events"]
        return [event["extra"]["payload"]["reports"] for event in events]


@dataclass(frozen=True)
class Stage:
    """A running Airflow whose triggerer can be stopped by itself, and the store that it watches."""

    home: Home
    environment: dict[str, str]
    api: Api
    processes: Processes
    store: sa.Engine

    def wait_for(self, look: Callable[[], object], what: str, seconds: float = SECONDS_TO_GET_ON) -> None:
        """Look again and again until there is something to see."""
        look_until_found(look, what, seconds, self.home, self.processes.require_running)

    def start_triggerer(self) -> None:
        """Start it, and wait until it runs the trigger."""
        self.processes.start("triggerer", ["airflow", "triggerer"], self.environment)
        log = self.processes.log("triggerer")
        runs = re.compile(r"trigger .+ starting")
        self.wait_for(lambda: runs.search(log.read_text(errors="replace")), "it watches", SECONDS_TO_START)

    def take_reports(self, reference: str, phones: list[str]) -> None:
        """Take a batch of reports up, and wait until the triggerer has told of them and the DAG has run."""
        before = len(self.api.runs())
        land(self.store, [Report("13", phone, reference, service="RCS", reported_at=NOON) for phone in phones], NOON)
        fold(self.store)
        self.wait_for(lambda: len(self.api.runs()) > before, "a run begins")
        self.wait_for(lambda: set(self.api.runs()) == {"success"}, "the run ends")
        self.wait_for(lambda: read_cursor(self.store, WATCHER) == self.last_fold(), "the cursor is kept")

    def last_fold(self) -> int:
        with self.store.connect() as connection:
            return int(connection.exec_driver_sql("SELECT MAX(fold) FROM rcs_report").scalar_one())

    def loaded(self) -> int:
        """How many reports the DAG has brought to the warehouse."""
        warehouse = sa.create_engine(f"sqlite:///{self.home.warehouse}")
        with warehouse.connect() as connection:
            return int(connection.exec_driver_sql("SELECT COUNT(*) FROM rcs_report").scalar_one())


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    home = Home(tmp_path / "home", tmp_path / "dags")
    home.logs.mkdir(parents=True)
    home.dags.mkdir()
    example = EXAMPLE.read_text(encoding="utf-8")
    (home.dags / EXAMPLE.name).write_text(example.replace("poll_interval=60", "poll_interval=0.5"), encoding="utf-8")
    store = engine_from_url(home.store_url)
    migrate(store)
    environment = home.environment() | {"AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False"}
    with ExitStack() as stack:
        stack.callback(store.dispose)
        processes = Processes(home.logs)
        stack.callback(processes.stop)
        migrate_airflow = [sys.executable, "-m", "airflow", "db", "migrate"]
        subprocess.run(migrate_airflow, env=environment, stdout=subprocess.DEVNULL, check=True)
        for name in ("api-server", "scheduler", "dag-processor"):
            processes.start(name, ["airflow", name], environment)
        stage = Stage(home, environment, Api(environment["AIRFLOW__API__BASE_URL"]), processes, store)
        stage.start_triggerer()
        stage.wait_for(stage.api.is_healthy, "Airflow is healthy", SECONDS_TO_START)
        stage.api.log_in()
        yield stage


def test_each_batch_of_reports_starts_one_run_and_a_restart_of_the_triggerer_none(stage: Stage) -> None:
    reference = sent(stage.store, PEOPLE).reference
    stage.take_reports(reference, PEOPLE[:5])
    stage.take_reports(reference, PEOPLE[:3])
    stage.processes.stop("triggerer")
    stage.start_triggerer()
    # After whatever it would have told again.
    stage.take_reports(reference, PEOPLE[:2])

    assert stage.api.events() == [5, 3, 2]
    assert stage.api.runs() == ["success"] * 3
    assert stage.loaded() == 5 + 3 + 2
