"""A sending task killed by -9 under a real Airflow, which finds out by itself and tries the task again."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.demo.airflow_api import AirflowApi
from airflow_provider_rcs.demo.home import Home
from airflow_provider_rcs.demo.processes import Processes
from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.db.migrate import migrate
from airflow_provider_rcs.store.read.funnel import Funnel, read_funnel
from tests.databases import fresh_database
from tests.postgres import postgres_server
from tests.receiver_process import ReceiverProcess
from tests.sandbox_process import SandboxProcess
from tests.watching_airflow import Found, all_logs, look_until_found

DAGS = Path(__file__).parent / "dags"
DAG_ID, CAMPAIGN = "rcs_killed_task", "killed"
PHONES = [f"346{number * 7_919 % 10**8:08d}" for number in range(160)]
REPEATED, UNUSABLE = PHONES[:3], ["no phone", "600 12"]
LISTED = len(PHONES) + len(REPEATED) + len(UNUSABLE)
LEASE_SECONDS, IN_FLIGHT = 3, 2
SECONDS_TO_START, SECONDS_TO_GET_ON = 120, 90

STARTED_BY = sa.text("SELECT started_by FROM rcs_attempt WHERE id = :attempt")
REQUESTS = sa.text("SELECT reference, state FROM rcs_request WHERE attempt_id = :attempt")
# Those who were claimed for a request that had not left are not among them.
UNANSWERED = sa.text(
    "SELECT COUNT(*) FROM rcs_message m JOIN rcs_request r ON r.id = m.request_id "
    "WHERE m.state IN ('sending', 'in_doubt') AND r.state <> 'claimed'"
)


@dataclass(frozen=True)
class Stage:
    """A running Airflow, and everything that its task meets."""

    home: Home
    api: AirflowApi
    processes: Processes
    sandbox: SandboxProcess
    store: sa.Engine

    def wait_for(self, look: Callable[[], Found | None], what: str, seconds: float = SECONDS_TO_GET_ON) -> Found:
        """Look again and again until there is something to see."""
        return look_until_found(look, what, seconds, self.home, self.processes.require_running)

    def sending_process(self, attempt: int) -> int | None:
        """The process of the campaign's n-th attempt, once the service has more of it than it has had replies to."""
        with self.store.connect() as connection:
            started_by = connection.execute(STARTED_BY, {"attempt": attempt}).scalar_one_or_none()
            requests = connection.execute(REQUESTS, {"attempt": attempt}).all()
        under_way = {reference for reference, state in requests if state == "sending"}
        taken_by_service = {entry["campaign_reference"] for entry in self.sandbox.accepted()}
        if len(requests) > len(under_way) == IN_FLIGHT and under_way <= taken_by_service:
            return int(str(started_by).rpartition("process ")[2])
        return None

    def kill_while_it_sends(self, attempt: int) -> tuple[Funnel, int]:
        """Kill the process of the campaign's n-th attempt, and give where its recipients stand then.

        :return: also how many messages have left without a reply, whether or not they were found in doubt already.
        """
        pid = self.wait_for(lambda: self.sending_process(attempt), f"attempt {attempt} is sending")
        process = psutil.Process(pid)
        assert process in psutil.Process().children(recursive=True)
        process.kill()
        process.wait(SECONDS_TO_GET_ON)
        with self.store.connect() as connection:
            return self.funnel(), int(connection.execute(UNANSWERED).scalar_one())

    def funnel(self) -> Funnel:
        funnel = read_funnel(self.store, CAMPAIGN)
        assert funnel is not None
        return funnel

    def log(self, attempt: int) -> str:
        """What Airflow's log of the n-th try of the task says so far."""
        files = list((self.home.folder / "logs").rglob(f"attempt={attempt}.log"))
        return files[0].read_text(encoding="utf-8") if files else ""


@pytest.fixture
def stage(tmp_path: Path, store_url: str) -> Iterator[Stage]:
    home = Home(tmp_path / "home", DAGS)
    home.logs.mkdir(parents=True)
    make_warehouse(home.warehouse)
    store = engine_from_url(store_url)
    migrate(store)
    with ExitStack() as stack:
        stack.callback(store.dispose)
        receiver = stack.enter_context(ReceiverProcess(store_url))
        sandbox = stack.enter_context(
            SandboxProcess(
                latency=1.5,
                report_url=receiver.url,
                report_login=receiver.login,
                report_password=receiver.password,
            )
        )
        sandbox.hold_reports()
        processes = Processes(home.logs)
        # Not as a context: that is for a program of its own, and leaves it deaf to Ctrl-C.
        stack.callback(processes.stop)
        environment = home.environment() | {
            "AIRFLOW__RCS__LEASE_SECONDS": str(LEASE_SECONDS),
            "AIRFLOW_CONN_RCS_DEFAULT": json.dumps(
                {"conn_type": "rcs", "host": sandbox.url, "login": sandbox.login, "password": sandbox.password}
            ),
            "AIRFLOW_CONN_RCS_STORE": connection_to(store.url),
        }
        processes.start("airflow", ["airflow", "standalone"], environment)
        stage = Stage(home, AirflowApi(environment["AIRFLOW__API__BASE_URL"]), processes, sandbox, store)
        stage.wait_for(stage.api.is_healthy, "Airflow is healthy", SECONDS_TO_START)
        stage.api.log_in()
        stage.wait_for(lambda: stage.api.knows_dag(DAG_ID), "Airflow has read the DAG", SECONDS_TO_START)
        yield stage


@pytest.fixture(params=["sqlite", "postgres"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/store.db"
    else:
        with postgres_server() as server, fresh_database(server) as url:
            yield url


def make_warehouse(path: Path) -> None:
    people = [(phone, f"Person {number}") for number, phone in enumerate([*PHONES, *REPEATED, *UNUSABLE])]
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE customer (id INTEGER PRIMARY KEY, phone TEXT, name TEXT)")
        connection.executemany("INSERT INTO customer (phone, name) VALUES (?, ?)", people)
        connection.commit()


def connection_to(url: sa.URL) -> str:
    """The connection to the store as Airflow reads it from the environment."""
    if url.drivername == "sqlite":
        return json.dumps({"conn_type": "sqlite", "host": url.database})
    # The server listens on a socket in a folder, which stands in the URL's query.
    fields = {"conn_type": "postgres", "login": url.username, "password": url.password, "schema": url.database}
    return json.dumps(fields | {"extra": {"host": url.query["host"]}})


def in_doubt_as_told(logs: str) -> int:
    """How many messages the logs of retries say that earlier attempts have left in doubt."""
    told = re.findall(r"an earlier attempt died while sending; (\d+) messages are in doubt", logs)
    return sum(map(int, told))


def test_a_task_killed_twice_is_tried_again_by_airflow_and_messages_everyone_once(stage: Stage) -> None:
    stage.api.unpause(DAG_ID)
    run_id = stage.api.trigger(DAG_ID, {})
    first_kill, unanswered = stage.kill_while_it_sends(attempt=1)
    second_kill, unanswered_then = stage.kill_while_it_sends(attempt=2)
    stage.wait_for(lambda: "RcsInDoubtError" in stage.log(3), "the third try ends in doubt")
    doubtful, sent = stage.funnel(), len(stage.sandbox.accepted())
    stage.sandbox.release_reports()
    stage.wait_for(lambda: stage.api.run_state(DAG_ID, run_id) in ("success", "failed"), "the run ends")

    assert [funnel.requested for funnel in (first_kill, second_kill, doubtful)] == [LISTED] * 3
    assert first_kill.states[MessageState.PLANNED] > second_kill.states[MessageState.PLANNED] > 0
    assert 0 < unanswered < unanswered_then == doubtful.states[MessageState.IN_DOUBT]
    assert in_doubt_as_told(stage.log(2) + stage.log(3)) == doubtful.states[MessageState.IN_DOUBT]
    assert sent == len(PHONES) == doubtful.states[MessageState.IN_DOUBT] + doubtful.states[MessageState.ACCEPTED]
    assert stage.api.run_state(DAG_ID, run_id) == "success"
    assert stage.sandbox.messages_per_phone() == dict.fromkeys(PHONES, 1)
    assert {state: count for state, count in stage.funnel().states.items() if count} == {
        MessageState.ACCEPTED: len(PHONES),
        MessageState.DUPLICATE: len(REPEATED),
        MessageState.REJECTED: len(UNUSABLE),
    }
    logged = all_logs(stage.home)
    assert not [phone for phone in PHONES if phone[2:] in logged]
