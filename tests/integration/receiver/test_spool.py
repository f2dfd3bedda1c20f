"""The store stopped and blocked under load, and the receiver killed: no acknowledged report is lost."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.integration.receiver.looking import stored, unfolded, wait_until
from tests.integration.receiver.pushing import Pushes
from tests.integration.receiver.stoppable_postgres import StoppablePostgres, stoppable_store
from tests.receiver_process import ReceiverProcess
from tests.stores import sqlite_store


@pytest.fixture
def server() -> Iterator[StoppablePostgres]:
    with stoppable_store() as server:
        yield server


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool"


def receiver_with(spool: Path, store_url: str, **settings: str) -> ReceiverProcess:
    return ReceiverProcess(store_url, environment={"AIRFLOW_RCS_SPOOL": str(spool), **settings})


def test_stopping_and_starting_postgresql_under_load_loses_no_acknowledged_report(
    server: StoppablePostgres, spool: Path
) -> None:
    with receiver_with(spool, server.url) as receiver:
        pushes = Pushes([receiver], connections=16, seconds_to_repeat=60)

        async def go() -> None:
            numbers = itertools.count()
            pushing = asyncio.create_task(pushes.push(itertools.takewhile(lambda _: not done, numbers)))
            await _until(lambda: len(pushes.committed) > 300)
            await asyncio.to_thread(server.stop)
            before = len(pushes.committed)
            await _until(lambda: len(pushes.committed) > before + 300)
            await asyncio.to_thread(server.start)
            before = len(pushes.committed)
            await _until(lambda: len(pushes.committed) > before + 300)
            done.append(True)
            await pushing

        done: list[bool] = []
        asyncio.run(go())

        assert set(pushes.statuses) == {200}
        assert pushes.slowest < 1.5
        wait_until(lambda: not list(spool.iterdir()))
        assert set(stored(server.url)) == pushes.committed


def test_spooled_reports_survive_a_kill_and_are_landed_after_the_next_start(
    server: StoppablePostgres, spool: Path
) -> None:
    with receiver_with(spool, server.url) as receiver:
        server.stop()
        pushes = Pushes([receiver], connections=16, seconds_to_repeat=60)
        asyncio.run(pushes.push(range(500)))
        receiver.kill()
        assert pushes.statuses == {200: 500}
        # It also starts while its store is unavailable.
        receiver.start()
        asyncio.run(pushes.push(range(500, 600)))
        receiver.kill()
        server.start()

        receiver.start()

        wait_until(lambda: set(stored(server.url)) == pushes.committed)
        assert len(pushes.committed) == 600
        wait_until(lambda: unfolded(server.url) == 0)


@pytest.mark.parametrize("time", range(5))
def test_a_receiver_killed_under_load_has_saved_all_that_it_acknowledged(
    store_url: str, spool: Path, time: int
) -> None:
    with receiver_with(spool, store_url) as receiver:
        pushes = Pushes([receiver])

        async def go() -> None:
            pushing = asyncio.create_task(pushes.push(itertools.count()))
            await _until(lambda: len(pushes.committed) > 200 * (time + 1))
            await asyncio.to_thread(receiver.kill)
            await pushing

        asyncio.run(go())
        receiver.start()

        wait_until(lambda: pushes.committed <= set(stored(store_url)))
        wait_until(lambda: unfolded(store_url) == 0)


def test_a_writer_that_blocks_sqlite_does_not_delay_a_response_for_a_second(tmp_path: Path, spool: Path) -> None:
    url = sqlite_store(tmp_path / "store.db")
    with receiver_with(spool, url) as receiver, closing(sa.create_engine(url).raw_connection()) as writer:
        writer.cursor().execute("BEGIN IMMEDIATE")
        pushes = Pushes([receiver], connections=8)

        asyncio.run(pushes.push(range(200)))

        assert pushes.statuses == {200: 200}
        assert pushes.slowest < 1.2
        assert stored(url) == []
        writer.rollback()
        wait_until(lambda: set(stored(url)) == pushes.committed)


def test_a_full_spool_is_reported_and_loses_no_acknowledged_report(tmp_path: Path, spool: Path) -> None:
    url = sqlite_store(tmp_path / "store.db")
    settings = {"AIRFLOW_RCS_SPOOL_MEGABYTES": "1"}
    with receiver_with(spool, url, **settings) as receiver, closing(sa.create_engine(url).raw_connection()) as writer:
        writer.cursor().execute("BEGIN IMMEDIATE")
        pushes = Pushes([receiver], connections=32)

        asyncio.run(pushes.push(range(4_000)))

        assert set(pushes.statuses) == {200, 503}
        writer.rollback()
        wait_until(lambda: set(stored(url)) >= pushes.committed)


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)
