"""Landing from an event loop, on PostgreSQL; landing in a thread is in tests/unit/store/inbox/test_landing.py."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import psycopg
import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsStoreUnavailable
from airflow_provider_rcs.api.models import Report
from airflow_provider_rcs.store.inbox.landing import AsyncLanding, ReceivedReports, land_nothing
from tests.database_settings import database_setting
from tests.early_commits import early_commits
from tests.unit.store.given import NOON
from tests.unit.store.inbox.test_landing import REPORT, landed

Run: TypeAlias = Callable[[Coroutine[Any, Any, Any]], Any]
_END_THE_OTHERS = (
    "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.fixture
def run() -> Iterator[Run]:
    with asyncio.Runner() as runner:
        yield runner.run


@pytest.fixture
def landing(engine: sa.Engine, run: Run) -> Iterator[AsyncLanding]:
    """A landing with an idle connection, over which one report has landed."""
    # Connections over which earlier tests have landed reports look alike to the server.
    engine.dispose()
    landing = AsyncLanding(engine)
    run(land(landing))
    yield landing
    for cursor in landing._idle:
        run(cursor.connection.close())


async def land(landing: AsyncLanding, reports: Sequence[Report] = (REPORT,), timeout: float = 20) -> None:
    await landing.land([ReceivedReports(NOON, reports)], timeout)


@asynccontextmanager
async def abandoned(engine: sa.Engine, landing: AsyncLanding) -> AsyncIterator[sa.Connection]:
    """Have a landing take too long, and yield the connection that locks the table until the end."""
    with engine.connect() as locking, locking.begin():
        locking.exec_driver_sql("LOCK TABLE rcs_report")
        with pytest.raises(TimeoutError):
            await land(landing, timeout=0.2)
        yield locking


def backends(engine: sa.Engine) -> set[int]:
    """Return the processes of the server that landed the reports."""
    with engine.connect() as connection:
        query = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'INSERT INTO rcs_report (%%'"
        return set(connection.exec_driver_sql(query).scalars())


def wal_position(connection: sa.Connection) -> int:
    """Return how much of the write-ahead log is on disk."""
    flushed = connection.exec_driver_sql("SELECT pg_current_wal_flush_lsn() - '0/0'::pg_lsn")
    return int(flushed.scalar_one())


def test_reports_are_committed_each_time_over_one_connection(
    engine: sa.Engine, landing: AsyncLanding, run: Run
) -> None:
    numbers = []
    for _ in range(3):
        run(land(landing))
        numbers.append(len(landed(engine)))

    assert numbers == [2, 3, 4]
    assert [Report(*(getattr(row, name) for name in Report._fields)) for row in landed(engine)] == [REPORT] * 4
    assert len(backends(engine)) == 1


def test_calls_that_overlap_use_connections_of_their_own(engine: sa.Engine, landing: AsyncLanding, run: Run) -> None:
    async def go() -> None:
        await asyncio.gather(*(land(landing) for _ in range(3)))

    run(go())

    assert len(landed(engine)) == 4
    assert len(backends(engine)) == 3


def test_more_than_a_socket_takes_at_once_lands_whole(engine: sa.Engine, landing: AsyncLanding, run: Run) -> None:
    large = REPORT._replace(service="x" * 20_000)

    run(land(landing, [large] * 500))

    assert [row.service for row in landed(engine)[1:]] == [large.service] * 500


def test_no_statement_stays_prepared(engine: sa.Engine, landing: AsyncLanding, run: Run) -> None:
    async def prepared() -> list[Any]:
        cursor = await landing._idle[0].execute("SELECT name FROM pg_prepared_statements")
        return await cursor.fetchall()

    for _ in range(10):
        run(land(landing))

    assert run(prepared()) == []


def test_a_connection_that_was_ended_while_idle_is_replaced_once(
    engine: sa.Engine, landing: AsyncLanding, run: Run
) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql(_END_THE_OTHERS)

    run(land(landing))

    assert len(landed(engine)) == 2


def test_a_connection_that_ends_while_it_lands_commits_nothing_and_is_replaced(
    engine: sa.Engine, landing: AsyncLanding, run: Run
) -> None:
    async def go() -> None:
        with engine.connect() as other:
            with other.begin():
                other.exec_driver_sql("LOCK TABLE rcs_report")
                landing_now = asyncio.create_task(land(landing))
                await asyncio.sleep(0.1)
                await asyncio.to_thread(other.exec_driver_sql, _END_THE_OTHERS)
            await landing_now

    run(go())

    assert len(landed(engine)) == 2


def test_what_the_database_refuses_is_an_error_and_the_next_reports_land(
    engine: sa.Engine, landing: AsyncLanding, run: Run
) -> None:
    with pytest.raises(psycopg.DataError):
        run(land(landing, [REPORT._replace(status_code="x" * 33)]))

    run(land(landing))

    assert len(landed(engine)) == 2


def test_an_answer_to_another_statement_is_an_error(
    engine: sa.Engine,
    landing: AsyncLanding,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(landing, "_insert", "SELECT length(%(json_rows)s)")

    with pytest.raises(RcsStoreUnavailable, match="another statement"):
        run(land(landing))

    assert landing._idle == []


def test_a_landing_that_takes_too_long_is_abandoned_and_leaves_no_connection_in_use(
    engine: sa.Engine, landing: AsyncLanding, run: Run
) -> None:
    async def go() -> None:
        async with abandoned(engine, landing):
            await asyncio.wait(landing._abandoned)

    run(go())
    run(land(landing))

    assert len(landed(engine)) == 2
    assert len(landing._idle) == 1


def test_an_abandoned_landing_that_fails_later_is_forgotten_without_a_word(
    engine: sa.Engine, landing: AsyncLanding, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    async def go() -> None:
        async with abandoned(engine, landing) as locking:
            locking.exec_driver_sql(_END_THE_OTHERS)
        await asyncio.wait(landing._abandoned)

    run(go())
    gc.collect()

    assert len(landing._abandoned) == 0
    assert [each.getMessage() for each in caplog.records if each.name == "asyncio"] == []


def test_a_landing_is_durable_where_the_database_confirms_commits_early(engine: sa.Engine, run: Run) -> None:
    with early_commits(engine) as seen_at_commit:
        landing = AsyncLanding(engine)
        run(land(landing))
        run(landing._idle[0].connection.close())

        assert seen_at_commit() == ["on"]


def test_a_report_in_any_script_lands_where_the_database_has_its_clients_write_latin_1(
    engine: sa.Engine, run: Run
) -> None:
    with database_setting(engine, "client_encoding", "LATIN1"):
        landing = AsyncLanding(engine)
        run(land(landing, [REPORT._replace(agent="Łódź, 5 €")]))
        run(landing._idle[0].connection.close())

        assert [row.agent for row in landed(engine)] == ["Łódź, 5 €"]


def test_landing_nothing_writes_to_the_disk_and_waits_for_no_fold(engine: sa.Engine) -> None:
    with engine.connect() as fold, fold.begin():
        fold.exec_driver_sql("UPDATE rcs_store SET fold = fold")
        before = wal_position(fold)

        land_nothing(engine)

        assert wal_position(fold) > before
    assert landed(engine) == []


def test_landing_nothing_waits_for_the_lock_that_reports_would_wait_for(engine: sa.Engine) -> None:
    with ThreadPoolExecutor() as threads, engine.connect() as other:
        with other.begin():
            other.exec_driver_sql("LOCK TABLE rcs_report")
            landing = threads.submit(land_nothing, engine)
            with pytest.raises(TimeoutError):
                landing.result(timeout=0.3)

        assert landing.result(timeout=20) is None
