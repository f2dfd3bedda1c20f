"""One campaign in four shards over two Celery workers, one of which is killed while it sends."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.campaign.campaigns import find_campaign
from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.db.migrate import migrate
from airflow_provider_rcs.store.inbox.folding import fold
from airflow_provider_rcs.store.outbox.resolutions import Resolution, Verdict, resolve_all
from airflow_provider_rcs.store.read.funnel import Funnel, read_funnel
from tests.databases import fresh_database
from tests.postgres import postgres_server
from tests.receiver_process import ReceiverProcess
from tests.sandbox_process import SandboxProcess
from tests.scale.cluster import TASKS_A_WORKER, Cluster, cluster

DAGS = Path(__file__).parent / "dags"
DAG_ID, CAMPAIGN, SHARDS = "rcs_four_shards", "scaled-out", 4
PHONES = [f"346{number * 7_919 % 10**8:08d}" for number in range(1_600)]
REPEATED, UNUSABLE = PHONES[:30], [f"no phone {number}" for number in range(10)]
LISTED = len(PHONES) + len(REPEATED) + len(UNUSABLE)
LEASE_SECONDS = 10

SENDERS = sa.text(
    "SELECT a.started_by, a.shard, COUNT(*) AS requests, COUNT(r.settled_at) AS answered FROM rcs_attempt a "
    "JOIN rcs_request r ON r.attempt_id = a.id WHERE a.ended_at IS NULL AND r.state <> 'claimed' "
    "GROUP BY a.started_by, a.shard"
)
PHONES_IN = sa.text("SELECT phone FROM rcs_message WHERE state = :state")


@dataclass(frozen=True)
class Stage:
    """Two workers, and everything that their tasks meet."""

    airflow: Cluster
    sandbox: SandboxProcess
    store: sa.Engine

    def senders(self) -> dict[int, int] | None:
        """Number of the mapped task -> its process, once all of them have had replies and wait for more."""
        with self.store.connect() as connection:
            rows = connection.execute(SENDERS).all()
        if len(rows) == SHARDS and all(row.requests > row.answered > 0 for row in rows):
            return {int(row.shard[0]) - 1: int(row.started_by.rpartition("process ")[2]) for row in rows}
        return None

    def have_succeeded(self, tasks: Iterable[int]) -> bool:
        known = self.airflow.mapped_tasks(DAG_ID)
        return all(known[number][0] == "success" for number in tasks)

    def have_sent_all_that_they_can(self, tasks: Iterable[int]) -> bool:
        return all("RcsInDoubtError" in self.airflow.log(number) or self.have_succeeded([number]) for number in tasks)

    def settle_by_reports(self) -> set[str]:
        """Let the reports through, and give the phones that are in doubt then."""
        self.sandbox.release_reports()
        self.sandbox.wait_until_reports_are_pushed()
        fold(self.store)
        with self.store.connect() as connection:
            return set(connection.execute(PHONES_IN, {"state": "in_doubt"}).scalars())

    def settle_by_hand(self) -> None:
        """Say that what no report settled was not sent, as a person does who looks it up at the service."""
        campaign = find_campaign(self.store, CAMPAIGN)
        assert campaign is not None
        resolve_all(self.store, campaign, Resolution(Verdict.NOT_SENT, "a test", "the service has no record of it"))

    def funnel(self) -> Funnel:
        funnel = read_funnel(self.store, CAMPAIGN)
        assert funnel is not None
        return funnel


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as stack:
        server = stack.enter_context(postgres_server())
        url = stack.enter_context(fresh_database(server))
        store = engine_from_url(url)
        stack.callback(store.dispose)
        migrate(store)
        list_customers(store)
        receiver = stack.enter_context(ReceiverProcess(url))
        reports = {"report_url": receiver.url, "report_login": receiver.login, "report_password": receiver.password}
        sandbox = stack.enter_context(
            SandboxProcess(latency=0.8, only_sent_share=1, failed_share=0, report_jitter=0, **reports)
        )
        sandbox.hold_reports()
        rcs = {"conn_type": "rcs", "host": sandbox.url, "login": sandbox.login, "password": sandbox.password}
        settings = {
            "AIRFLOW__RCS__LEASE_SECONDS": str(LEASE_SECONDS),
            "AIRFLOW_CONN_RCS_DEFAULT": json.dumps(rcs),
            "AIRFLOW_CONN_RCS_STORE": connection_to(store.url),
            "AIRFLOW_CONN_WAREHOUSE": connection_to(store.url),
        }
        airflow = stack.enter_context(cluster(tmp_path, DAGS, server, settings))
        airflow.wait_for(lambda: airflow.api.knows_dag(DAG_ID), "Airflow has read the DAG")
        yield Stage(airflow, sandbox, store)


def list_customers(warehouse: sa.Engine) -> None:
    people = [{"phone": phone, "name": f"Person {n}"} for n, phone in enumerate([*PHONES, *REPEATED, *UNUSABLE])]
    with warehouse.begin() as connection:
        connection.execute(sa.text("CREATE TABLE customer (id SERIAL PRIMARY KEY, phone TEXT, name TEXT)"))
        connection.execute(sa.text("INSERT INTO customer (phone, name) VALUES (:phone, :name)"), people)


def connection_to(url: sa.URL) -> str:
    """A connection to a database of the server, as Airflow reads it from the environment."""
    # The server listens on a socket in a folder, which stands in the URL's query.
    fields = {"conn_type": "postgres", "login": url.username, "password": url.password, "schema": url.database}
    return json.dumps(fields | {"extra": {"host": url.query["host"]}})


# Nine processes start here, which takes a busy machine minutes; each wait has a limit of its own.
@pytest.mark.timeout(600)
def test_a_campaign_over_two_workers_messages_everyone_once_although_one_worker_is_killed(stage: Stage) -> None:
    airflow = stage.airflow
    airflow.api.unpause(DAG_ID)
    run_id = airflow.api.trigger(DAG_ID, {})
    senders = airflow.wait_for(stage.senders, "four shards are sending")
    killed = airflow.kill_worker_of(senders[0])
    victims = {number for number, process in senders.items() if process in killed}
    at_the_kill, survivors = stage.funnel(), senders.keys() - victims
    airflow.wait_for(lambda: stage.have_succeeded(survivors), "the shards of the other worker are sent")
    airflow.wait_for(lambda: stage.have_sent_all_that_they_can(victims), "the shards of the dead worker are sent")
    doubtful, messages = stage.funnel(), stage.sandbox.messages_per_phone()
    never_seen = stage.settle_by_reports()
    stage.settle_by_hand()
    airflow.wait_for(lambda: airflow.api.run_state(DAG_ID, run_id) in ("success", "failed"), "the run ends")

    assert airflow.api.run_state(DAG_ID, run_id) == "success"
    assert len(victims) == len(survivors) == TASKS_A_WORKER
    assert at_the_kill.states[MessageState.PLANNED] > 0
    assert airflow.asset_events() == [{"campaign": CAMPAIGN}]
    tries = {number: tried for number, (_, tried) in airflow.mapped_tasks(DAG_ID).items()}
    assert {number for number, tried in tries.items() if tried == 1} == survivors
    assert [funnel.requested for funnel in (at_the_kill, doubtful, stage.funnel())] == [LISTED] * 3
    assert doubtful.states[MessageState.IN_DOUBT] > 0
    assert doubtful.states[MessageState.ACCEPTED] + doubtful.states[MessageState.IN_DOUBT] == len(PHONES)
    assert messages == dict.fromkeys(set(PHONES) - never_seen, 1)
    assert stage.sandbox.messages_per_phone() == dict.fromkeys(PHONES, 1)
    assert {state: count for state, count in stage.funnel().states.items() if count} == {
        MessageState.ACCEPTED: len(PHONES),
        MessageState.DUPLICATE: len(REPEATED),
        MessageState.REJECTED: len(UNUSABLE),
    }
