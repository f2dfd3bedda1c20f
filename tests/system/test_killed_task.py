"""A sending task killed by -9 under a real Airflow, which detects the death and retries the task."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.db.migrate import migrate
from airflow_provider_rcs.store.read.funnel import Funnel, read_funnel
from examples.demo.home import Home
from tests.databases import fresh_database
from tests.postgres import postgres_server
from tests.reporting_sandbox import reporting_sandbox
from tests.running_airflow import RunningAirflow, all_logs, database_connection, running_airflow
from tests.sandbox_process import SandboxProcess

DAGS = Path(__file__).parent / "dags"
DAG_ID, CAMPAIGN = "rcs_killed_task", "killed"
PHONES = [f"346{number * 7_919 % 10**8:08d}" for number in range(160)]
WRITTEN = [f"+{phone}" for phone in PHONES]
REPEATED, UNUSABLE = WRITTEN[:3], ["no phone", "600 12"]
LISTED = len(PHONES) + len(REPEATED) + len(UNUSABLE)
LEASE_SECONDS, IN_FLIGHT = 3, 2
SECONDS_TO_DIE = 90

PROCESS = sa.text("SELECT process FROM rcs_attempt WHERE id = :attempt")
REQUESTS = sa.text("SELECT reference, state FROM rcs_request WHERE attempt_id = :attempt")
# Messages that were claimed for a request that was not dispatched are not counted.
UNANSWERED = sa.text(
    "SELECT COUNT(*) FROM rcs_message m JOIN rcs_request r ON r.id = m.request_id "
    "WHERE m.state IN ('sending', 'in_doubt') AND r.state <> 'claimed'"
)


@dataclass(frozen=True)
class KilledTaskSystem:
    """A running Airflow, and the service and store that its task uses."""

    airflow: RunningAirflow
    sandbox: SandboxProcess
    store: sa.Engine

    def sending_process(self, attempt: int) -> int | None:
        """Return the process of the campaign's n-th attempt, if all its requests in flight have reached the service."""
        with self.store.connect() as connection:
            process = connection.execute(PROCESS, {"attempt": attempt}).scalar_one_or_none()
            requests = connection.execute(REQUESTS, {"attempt": attempt}).all()
        in_flight = {reference for reference, state in requests if state == "sending"}
        accepted = {entry["campaign_reference"] for entry in self.sandbox.accepted()}
        if len(requests) > len(in_flight) == IN_FLIGHT and in_flight <= accepted:
            return None if process is None else int(process)
        return None

    def kill_while_it_sends(self, attempt: int) -> tuple[Funnel, int]:
        """Kill the process of the campaign's n-th attempt, and return the funnel at that moment.

        :return: also the number of messages that were dispatched without a reply, in doubt already or not.
        """
        pid = self.airflow.wait_for(lambda: self.sending_process(attempt), f"attempt {attempt} is sending")
        process = psutil.Process(pid)
        assert process in psutil.Process().children(recursive=True)
        process.kill()
        process.wait(SECONDS_TO_DIE)
        with self.store.connect() as connection:
            return self.funnel(), int(connection.execute(UNANSWERED).scalar_one())

    def funnel(self) -> Funnel:
        funnel = read_funnel(self.store, CAMPAIGN)
        assert funnel is not None
        return funnel

    def log(self, attempt: int) -> str:
        """Return what Airflow's log of the n-th try of the task contains so far."""
        files = list((self.airflow.home.folder / "logs").rglob(f"attempt={attempt}.log"))
        return files[0].read_text(encoding="utf-8") if files else ""


@pytest.fixture
def system(tmp_path: Path, store_url: str) -> Iterator[KilledTaskSystem]:
    home = Home(tmp_path / "home", DAGS)
    home.folder.mkdir()
    make_warehouse(home.warehouse)
    store = engine_from_url(store_url)
    migrate(store)
    with reporting_sandbox(store_url, latency=1.5) as sandbox:
        sandbox.hold_reports()
        settings = {
            "AIRFLOW__RCS__LEASE_SECONDS": str(LEASE_SECONDS),
            "AIRFLOW_CONN_RCS_DEFAULT": sandbox.connection(),
            "AIRFLOW_CONN_RCS_STORE": database_connection(store.url),
        }
        with running_airflow(home, settings) as airflow:
            airflow.wait_until_healthy()
            yield KilledTaskSystem(airflow, sandbox, store)
    store.dispose()


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/store.db"
    else:
        with postgres_server() as server, fresh_database(server) as url:
            yield url


def make_warehouse(path: Path) -> None:
    people = [(phone, f"Person {number}") for number, phone in enumerate([*WRITTEN, *REPEATED, *UNUSABLE])]
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE customer (id INTEGER PRIMARY KEY, phone TEXT, name TEXT)")
        connection.executemany("INSERT INTO customer (phone, name) VALUES (?, ?)", people)
        connection.commit()


def in_doubt_in(logs: str) -> int:
    """Add up the messages that earlier attempts left in doubt according to the logs of retries."""
    counts = re.findall(r"an earlier attempt died while sending; (\d+) messages are in doubt", logs)
    return sum(map(int, counts))


def test_task_killed_twice_is_retried_by_airflow_and_messages_everyone_once(system: KilledTaskSystem) -> None:
    run_id = system.airflow.run_dag(DAG_ID)
    first_kill, unanswered = system.kill_while_it_sends(attempt=1)
    second_kill, unanswered_then = system.kill_while_it_sends(attempt=2)
    system.airflow.wait_for(lambda: "RcsInDoubtError" in system.log(3), "the third try ends in doubt")
    doubtful, sent = system.funnel(), len(system.sandbox.accepted())
    system.sandbox.release_reports()
    state = system.airflow.end_of_run(DAG_ID, run_id)

    assert [funnel.requested for funnel in (first_kill, second_kill, doubtful)] == [LISTED] * 3
    assert first_kill.states[MessageState.PLANNED] > second_kill.states[MessageState.PLANNED] > 0
    assert 0 < unanswered < unanswered_then == doubtful.states[MessageState.IN_DOUBT]
    assert in_doubt_in(system.log(2) + system.log(3)) == doubtful.states[MessageState.IN_DOUBT]
    assert sent == len(PHONES) == doubtful.states[MessageState.IN_DOUBT] + doubtful.states[MessageState.ACCEPTED]
    assert state == "success"
    assert system.sandbox.messages_per_phone() == dict.fromkeys(PHONES, 1)
    assert {state: count for state, count in system.funnel().states.items() if count} == {
        MessageState.ACCEPTED: len(PHONES),
        MessageState.DUPLICATE: len(REPEATED),
        MessageState.REJECTED: len(UNUSABLE),
    }
    logged = all_logs(system.airflow.home)
    assert not [phone for phone in PHONES if phone[2:] in logged]
