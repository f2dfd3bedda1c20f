"""One campaign in four shards on two Celery workers, one of which is killed while it sends."""

from __future__ import annotations

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
from tests.reporting_sandbox import reporting_sandbox
from tests.running_airflow import database_connection
from tests.sandbox_process import SandboxProcess
from tests.scale.cluster import TASKS_A_WORKER, CeleryCluster, celery_cluster

DAGS = Path(__file__).parent / "dags"
DAG_ID, CAMPAIGN, SHARDS = "rcs_four_shards", "scaled-out", 4
PHONES = [f"346{number * 7_919 % 10**8:08d}" for number in range(1_600)]
WRITTEN = [f"+{phone}" for phone in PHONES]
REPEATED, UNUSABLE = WRITTEN[:30], [f"no phone {number}" for number in range(10)]
LISTED = len(PHONES) + len(REPEATED) + len(UNUSABLE)
LEASE_SECONDS = 10

SENDERS = sa.text(
    "SELECT a.process, a.shard, COUNT(*) AS requests, COUNT(r.settled_at) AS answered FROM rcs_attempt a "
    "JOIN rcs_request r ON r.attempt_id = a.id WHERE a.ended_at IS NULL AND r.state <> 'claimed' "
    "GROUP BY a.process, a.shard"
)
PHONES_IN = sa.text("SELECT phone FROM rcs_message WHERE state = :state")


@dataclass(frozen=True)
class ShardedSystem:
    """An Airflow with two workers, and the service and store that their tasks use."""

    cluster: CeleryCluster
    sandbox: SandboxProcess
    store: sa.Engine

    def senders(self) -> dict[int, int] | None:
        """Return the process of each mapped task, once all have received replies and wait for more."""
        with self.store.connect() as connection:
            rows = connection.execute(SENDERS).all()
        if len(rows) == SHARDS and all(row.requests > row.answered > 0 for row in rows):
            return {int(row.shard[0]) - 1: row.process for row in rows}
        return None

    def have_succeeded(self, tasks: Iterable[int]) -> bool:
        known = self.cluster.mapped_tasks(DAG_ID)
        return all(known[number][0] == "success" for number in tasks)

    def have_sent_everything_possible(self, tasks: Iterable[int]) -> bool:
        return all("RcsInDoubtError" in self.cluster.log(number) or self.have_succeeded([number]) for number in tasks)

    def resolve_by_reports(self) -> set[str]:
        """Release and fold the reports, and return the phones that are still in doubt."""
        self.sandbox.release_reports()
        self.sandbox.wait_until_reports_are_pushed()
        fold(self.store)
        with self.store.connect() as connection:
            return {phone[1:] for phone in connection.execute(PHONES_IN, {"state": "in_doubt"}).scalars()}

    def resolve_by_hand(self) -> None:
        """Resolve the remaining messages as not sent, like a person who looks them up at the service."""
        campaign = find_campaign(self.store, CAMPAIGN)
        assert campaign is not None
        resolve_all(self.store, campaign, Resolution(Verdict.NOT_SENT, "a test", "the service has no record of it"))

    def funnel(self) -> Funnel:
        funnel = read_funnel(self.store, CAMPAIGN)
        assert funnel is not None
        return funnel


@pytest.fixture
def system(tmp_path: Path) -> Iterator[ShardedSystem]:
    with ExitStack() as stack:
        server = stack.enter_context(postgres_server())
        url = stack.enter_context(fresh_database(server))
        store = engine_from_url(url)
        stack.callback(store.dispose)
        migrate(store)
        list_customers(store)
        sandbox = stack.enter_context(
            reporting_sandbox(url, latency=0.8, only_sent_share=1, failed_share=0, report_jitter=0)
        )
        sandbox.hold_reports()
        settings = {
            "AIRFLOW__RCS__LEASE_SECONDS": str(LEASE_SECONDS),
            "AIRFLOW_CONN_RCS_DEFAULT": sandbox.connection(),
            "AIRFLOW_CONN_RCS_STORE": database_connection(store.url),
            "AIRFLOW_CONN_WAREHOUSE": database_connection(store.url),
        }
        cluster = stack.enter_context(celery_cluster(tmp_path, DAGS, server, settings))
        yield ShardedSystem(cluster, sandbox, store)


def list_customers(warehouse: sa.Engine) -> None:
    people = [{"phone": phone, "name": f"Person {n}"} for n, phone in enumerate([*WRITTEN, *REPEATED, *UNUSABLE])]
    with warehouse.begin() as connection:
        connection.execute(sa.text("CREATE TABLE customer (id SERIAL PRIMARY KEY, phone TEXT, name TEXT)"))
        connection.execute(sa.text("INSERT INTO customer (phone, name) VALUES (:phone, :name)"), people)


# Nine processes start, which can take minutes on a busy machine; each wait has its own limit.
@pytest.mark.timeout(600)
def test_campaign_on_two_workers_messages_everyone_once_although_one_is_killed(system: ShardedSystem) -> None:
    cluster = system.cluster
    run_id = cluster.airflow.run_dag(DAG_ID)
    senders = cluster.wait_for(system.senders, "four shards are sending")
    killed = cluster.kill_worker_of(senders[0])
    on_the_killed_worker = {number for number, process in senders.items() if process in killed}
    at_the_kill, on_the_other_worker = system.funnel(), senders.keys() - on_the_killed_worker
    cluster.wait_for(lambda: system.have_succeeded(on_the_other_worker), "the shards of the other worker are sent")
    cluster.wait_for(
        lambda: system.have_sent_everything_possible(on_the_killed_worker), "the shards of the dead worker are sent"
    )
    doubtful, messages = system.funnel(), system.sandbox.messages_per_phone()
    not_accepted = system.resolve_by_reports()
    system.resolve_by_hand()
    user = cluster.airflow.user
    cluster.wait_for(lambda: user.run_state(DAG_ID, run_id) in ("success", "failed"), "the run ends")

    assert user.run_state(DAG_ID, run_id) == "success"
    assert len(on_the_killed_worker) == len(on_the_other_worker) == TASKS_A_WORKER
    assert at_the_kill.states[MessageState.PLANNED] > 0
    assert cluster.asset_events() == [{"campaign": CAMPAIGN}]
    tries = {number: tried for number, (_, tried) in cluster.mapped_tasks(DAG_ID).items()}
    assert {number for number, tried in tries.items() if tried == 1} == on_the_other_worker
    assert [funnel.requested for funnel in (at_the_kill, doubtful, system.funnel())] == [LISTED] * 3
    assert doubtful.states[MessageState.IN_DOUBT] > 0
    assert doubtful.states[MessageState.ACCEPTED] + doubtful.states[MessageState.IN_DOUBT] == len(PHONES)
    assert messages == dict.fromkeys(set(PHONES) - not_accepted, 1)
    assert system.sandbox.messages_per_phone() == dict.fromkeys(PHONES, 1)
    assert {state: count for state, count in system.funnel().states.items() if count} == {
        MessageState.ACCEPTED: len(PHONES),
        MessageState.DUPLICATE: len(REPEATED),
        MessageState.REJECTED: len(UNUSABLE),
    }
