"""New reports start the example DAG under a real scheduler, triggerer and DAG processor: once for each batch."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.models import Report
from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.db.migrate import migrate
from airflow_provider_rcs.store.inbox.cursors import read_cursor
from airflow_provider_rcs.store.inbox.folding import fold
from airflow_provider_rcs.store.inbox.landing import land
from examples.demo.home import Home
from tests.running_airflow import SECONDS_TO_START, RunningAirflow, running_airflow
from tests.unit.store.given import NOON, sent

DAG_ID, WATCHER = "rcs_reports_on_arrival", "reports"
EXAMPLE = Path(__file__).parents[2] / "dags" / f"{DAG_ID}.py"
PEOPLE = [f"+346{number:08d}" for number in range(10)]


@dataclass(frozen=True)
class ArrivalSystem:
    """A running Airflow whose triggerer can be stopped separately, and the store that it watches."""

    airflow: RunningAirflow
    store: sa.Engine

    def start_triggerer(self) -> None:
        """Start the triggerer, and wait until it runs the trigger."""
        self.airflow.start("triggerer")
        log = self.airflow.processes.log("triggerer")
        started = re.compile(r"trigger .+ starting")
        self.airflow.wait_for(
            lambda: started.search(log.read_text(errors="replace")), "the trigger starts", SECONDS_TO_START
        )

    def receive_reports(self, reference: str, phones: list[str]) -> None:
        """Land and fold a batch of reports, and wait until the DAG that they start has run."""
        before = len(self.runs())
        land(self.store, [Report("13", phone, reference, service="RCS", reported_at=NOON) for phone in phones], NOON)
        fold(self.store)
        self.airflow.wait_for(lambda: len(self.runs()) > before, "a run begins")
        self.airflow.wait_for(lambda: set(self.runs()) == {"success"}, "the run ends")
        self.airflow.wait_for(lambda: read_cursor(self.store, WATCHER) == self.last_fold(), "the cursor is saved")

    def runs(self) -> list[str]:
        return self.airflow.user.run_states(DAG_ID)

    def reports_per_event(self) -> list[int]:
        return [event["payload"]["reports"] for event in self.airflow.user.asset_events()]

    def last_fold(self) -> int:
        with self.store.connect() as connection:
            return int(connection.exec_driver_sql("SELECT MAX(fold) FROM rcs_report").scalar_one())

    def loaded(self) -> int:
        """Return how many reports the DAG has loaded into the warehouse."""
        warehouse = sa.create_engine(f"sqlite:///{self.airflow.home.warehouse}")
        with warehouse.connect() as connection:
            return int(connection.exec_driver_sql("SELECT COUNT(*) FROM rcs_report").scalar_one())


@pytest.fixture
def system(tmp_path: Path) -> Iterator[ArrivalSystem]:
    home = Home(tmp_path / "home", tmp_path / "dags")
    home.folder.mkdir()
    home.dags.mkdir()
    example = EXAMPLE.read_text(encoding="utf-8")
    (home.dags / EXAMPLE.name).write_text(example.replace("poll_interval=60", "poll_interval=0.5"), encoding="utf-8")
    store = engine_from_url(home.store_url)
    migrate(store)
    settings = {"AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False"}
    with running_airflow(home, settings, ["api-server", "scheduler", "dag-processor"]) as airflow:
        system = ArrivalSystem(airflow, store)
        system.start_triggerer()
        airflow.wait_until_healthy()
        yield system
    store.dispose()


def test_each_batch_of_reports_starts_one_run_and_a_triggerer_restart_starts_none(system: ArrivalSystem) -> None:
    reference = sent(system.store, PEOPLE).reference
    system.receive_reports(reference, PEOPLE[:5])
    system.receive_reports(reference, PEOPLE[:3])
    system.airflow.processes.stop("triggerer")
    system.start_triggerer()
    # If the restarted triggerer repeated old events, their runs would precede this one.
    system.receive_reports(reference, PEOPLE[:2])

    assert system.reports_per_event() == [5, 3, 2]
    assert system.runs() == ["success"] * 3
    assert system.loaded() == 5 + 3 + 2
