"""A store that answers queries at once, but whose commits hang or fail, as those of a server in trouble do."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from tests.integration.receiver.looking import stored, wait_until
from tests.integration.receiver.pushing import Pushes
from tests.integration.receiver.stoppable_postgres import StoppablePostgres, stoppable_store
from tests.receiver_process import ReceiverProcess

SUSPENDED = "The store is not accepting reports"
RESUMED = "The store is accepting reports again"
# In which a receiver that asked whether the store answers queries would have resumed it several times.
SECONDS_OF_TROUBLE = 4


@pytest.fixture
def server() -> Iterator[StoppablePostgres]:
    with stoppable_store() as server:
        yield server


def test_a_store_whose_commits_hang_is_suspended_once_and_resumed_once(
    server: StoppablePostgres, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with ReceiverProcess(server.url, environment={"AIRFLOW_RCS_SPOOL": str(tmp_path / "spool")}) as receiver:
        pushes = Pushes([receiver], connections=8)
        log: list[str] = []

        def logged(text: str) -> int:
            log.append(capfd.readouterr().err)
            return "".join(log).count(text)

        async def go() -> None:
            done: list[bool] = []
            pushing = asyncio.create_task(pushes.push(itertools.takewhile(lambda _: not done, itertools.count())))
            await _until(lambda: len(pushes.committed) > 200)
            await asyncio.to_thread(wait_for_standby, server, "nobody")
            await _until(lambda: logged(SUSPENDED) > 0)
            await asyncio.sleep(SECONDS_OF_TROUBLE)
            assert (logged(SUSPENDED), logged(RESUMED)) == (1, 0)
            await asyncio.to_thread(wait_for_standby, server, "")
            await _until(lambda: logged(RESUMED) > 0)
            done.append(True)
            await pushing

        asyncio.run(go())

        assert set(pushes.statuses) == {200}
        wait_until(lambda: pushes.committed <= set(stored(server.url)))


def wait_for_standby(server: StoppablePostgres, name: str) -> None:
    """Have each commit of the server wait for a standby; one that does not exist lets it wait for ever."""
    engine = sa.create_engine(server.url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
        connection.exec_driver_sql("SELECT pg_reload_conf()")
    engine.dispose()


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.05)
