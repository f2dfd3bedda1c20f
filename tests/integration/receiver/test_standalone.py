from __future__ import annotations

import asyncio
import socket
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa

from tests.integration.receiver.looking import stored, unfolded, wait_until
from tests.integration.receiver.pushing import Pushes
from tests.receiver_process import ReceiverProcess
from tests.stores import sqlite_store

SECONDS_TO_REPEAT = 60.0


def test_thousands_of_concurrent_reports_are_all_stored_once_and_folded(store_url: str) -> None:
    with ReceiverProcess(store_url) as receiver:
        pushes = Pushes([receiver], seconds_to_repeat=SECONDS_TO_REPEAT)

        asyncio.run(pushes.push(range(5_000)))

        assert pushes.statuses == {200: 5_000}
        wait_until(lambda: stored(store_url) == list(range(5_000)))
        wait_until(lambda: unfolded(store_url) == 0)


def test_two_receivers_share_a_store(store_url: str) -> None:
    with ReceiverProcess(store_url) as one, ReceiverProcess(store_url) as other:
        pushes = Pushes([one, other], seconds_to_repeat=SECONDS_TO_REPEAT)

        asyncio.run(pushes.push(range(4_000)))

        assert pushes.statuses == {200: 4_000}
        wait_until(lambda: stored(store_url) == list(range(4_000)))
        wait_until(lambda: unfolded(store_url) == 0)


def test_on_sigterm_it_answers_what_it_stored_and_stores_what_it_answered(store_url: str) -> None:
    with ReceiverProcess(store_url) as receiver:
        pushes = Pushes([receiver], seconds_to_repeat=SECONDS_TO_REPEAT)

        asyncio.run(_push_until(pushes, receiver.terminate))

        assert receiver.stop() == 0
        assert set(pushes.statuses) == {200}
        # What a slow machine left in the spool is moved after the next start.
        receiver.start()
        wait_until(lambda: stored(store_url) == sorted(pushes.committed))


def test_sigterm_right_after_the_ready_line_stops_it_at_once(store_url: str) -> None:
    with ReceiverProcess(store_url) as receiver:
        assert receiver.stop() == 0


def test_it_stops_in_time_while_the_store_hangs_and_loses_no_report(tmp_path: Path) -> None:
    url = sqlite_store(tmp_path / "store.db")
    with ReceiverProcess(url) as receiver, closing(sa.create_engine(url).raw_connection()) as writer:
        writer.cursor().execute("BEGIN IMMEDIATE")
        pushes = Pushes([receiver], connections=1)

        async def push_and_stop() -> None:
            pushing = asyncio.create_task(pushes.push([1]))
            # This request arrives after the report, so its response shows that the report has arrived.
            assert (await asyncio.to_thread(requests.get, receiver.url.replace("reports", "health"), timeout=10)).ok
            assert await asyncio.to_thread(receiver.stop) == 0
            await asyncio.wait_for(pushing, 20)

        asyncio.run(push_and_stop())

        assert pushes.committed == {1}
        writer.rollback()
        receiver.start()
        wait_until(lambda: stored(url) == [1])


def test_several_workers_share_an_address_and_a_dead_one_is_replaced(store_url: str) -> None:
    with ReceiverProcess(store_url, arguments=["--workers", "2"]) as receiver:
        workers = receiver.workers()
        pushes = Pushes([receiver], seconds_to_repeat=SECONDS_TO_REPEAT)

        asyncio.run(pushes.push(range(2_000)))
        workers[0].kill()
        wait_until(lambda: len({each.pid for each in receiver.workers()} - {workers[0].pid}) == 2)
        asyncio.run(pushes.push(range(2_000, 3_000)))

        assert len(workers) == 2
        assert set(pushes.statuses) == {200}
        wait_until(lambda: set(stored(store_url)) >= pushes.committed)
        assert len(pushes.committed) == 3_000
        assert receiver.stop() == 0


def test_a_worker_killed_under_load_loses_no_answered_report_and_new_connections_are_answered(store_url: str) -> None:
    with ReceiverProcess(store_url, arguments=["--workers", "2"]) as receiver:
        pushes = Pushes([receiver], connections=32, seconds_to_repeat=SECONDS_TO_REPEAT)

        asyncio.run(_push_until(pushes, receiver.workers()[0].kill, at_most=2_000))
        asyncio.run(pushes.push(range(2_000, 3_000)))

        # Only the connections to the worker that was killed broke, and what it had not answered was not repeated.
        assert set(pushes.statuses) == {200}
        assert pushes.committed >= set(range(2_000, 3_000))
        wait_until(lambda: set(stored(store_url)) >= pushes.committed)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_connection_is_refused_until_a_worker_answers_it_and_never_left_waiting(tmp_path: Path, workers: int) -> None:
    url = sqlite_store(tmp_path / "store.db")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    receiver = ReceiverProcess(url, port=port, arguments=["--workers", str(workers)])
    slowest = 0.0

    def connect_until_answered() -> bool:
        nonlocal slowest
        started = time.monotonic()
        try:
            answered = requests.get(f"http://127.0.0.1:{port}/rcs/health", timeout=20).status_code == 200
        except requests.ConnectionError:
            return False
        slowest = max(slowest, time.monotonic() - started)
        return answered

    with ThreadPoolExecutor() as threads:
        starting = threads.submit(receiver.start)
        try:
            wait_until(connect_until_answered)
            starting.result()
            answers = [connect_until_answered() for _ in range(50)]
        finally:
            receiver.stop()

    assert all(answers)
    assert slowest < 1


def test_workers_stop_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    with ReceiverProcess(sqlite_store(tmp_path / "store.db"), arguments=["--workers", "2"]) as receiver:
        workers = receiver.workers()

        receiver.kill()

        wait_until(lambda: not any(worker.is_running() for worker in workers))


def test_a_store_without_tables_stops_several_workers_before_they_start(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="ended with code 2"):
        ReceiverProcess(f"sqlite:///{tmp_path}/empty.db", arguments=["--workers", "2"]).start()


def test_wrong_passwords_are_refused(tmp_path: Path) -> None:
    url = sqlite_store(tmp_path / "store.db")
    with ReceiverProcess(url) as receiver:
        pushes = Pushes([receiver], connections=1)

        for password in ("wrong", ""):
            receiver.password = password
            asyncio.run(pushes.push(range(3)))

        assert pushes.statuses == {401: 6}
        assert stored(url) == []


async def _push_until(pushes: Pushes, stop: Callable[[], object], at_most: int = sys.maxsize) -> None:
    """Push until no connection or no report is left; interrupt the receiver once many are committed."""
    pushing = asyncio.create_task(pushes.push(range(at_most)))
    while len(pushes.committed) < 500:
        assert not pushing.done()
        await asyncio.sleep(0.01)
    await asyncio.to_thread(stop)
    await asyncio.wait_for(pushing, 20)
