from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence

import pytest

from airflow_provider_rcs.api.errors import RcsStoreUnavailable
from airflow_provider_rcs.api.models import Report
from airflow_provider_rcs.receiver.background import CallThread
from airflow_provider_rcs.receiver.group_commit import GroupCommit
from tests.unit.receiver.pushing import wait_until


class Database:
    """Records commits, which a thread makes; the first one blocks until it is released."""

    def __init__(self, *errors: Exception | None) -> None:
        self.commits: list[list[str]] = []
        self.release = threading.Event()
        self._errors = iter(errors)
        self._threads = [CallThread("database") for _ in range(2)]

    async def commit(self, take: Callable[[], list[Report]]) -> None:
        thread = self._threads.pop(0)
        try:
            await thread.run(lambda: self._commit(take()))
        finally:
            self._threads.append(thread)

    def _commit(self, reports: Sequence[Report]) -> None:
        self.commits.append([report.api_message_id for report in reports])
        if len(self.commits) == 1:
            assert self.release.wait(10)
        if error := next(self._errors, None):
            raise error


def report(number: int) -> Report:
    return Report(status_code="13", api_message_id=str(number))


async def begin(commits: GroupCommit[Report], database: Database, requests: int) -> list[asyncio.Task[None]]:
    """Begin a first request, and more once its commit is running."""
    first = asyncio.create_task(commits.commit(report(0), 30))
    await asyncio.to_thread(wait_until, lambda: database.commits)
    others = [asyncio.create_task(commits.commit(report(number), 30)) for number in range(1, requests)]
    await asyncio.sleep(0)
    return [first, *others]


def test_items_that_arrive_during_a_commit_share_the_next_one() -> None:
    database = Database()
    commits = GroupCommit(database.commit, "store commit")

    async def go() -> None:
        requests = await begin(commits, database, 20)
        database.release.set()
        await asyncio.gather(*requests)

    asyncio.run(go())

    assert database.commits == [["0"], [str(number) for number in range(1, 20)]]


def test_a_failed_commit_fails_all_its_requests_and_no_others() -> None:
    database = Database(None, RcsStoreUnavailable("store: the database failed"))
    commits = GroupCommit(database.commit, "store commit")

    async def go() -> list[BaseException | None]:
        requests = await begin(commits, database, 4)
        database.release.set()
        results = await asyncio.gather(*requests, return_exceptions=True)
        return [*results, *await asyncio.gather(commits.commit(report(9), 30), return_exceptions=True)]

    first, *failed, later = asyncio.run(go())

    assert (first, later) == (None, None)
    assert [type(each) for each in failed] == [RcsStoreUnavailable] * 3


def test_a_cancelled_request_cancels_no_other_and_is_not_committed_if_still_queued() -> None:
    database = Database()
    commits = GroupCommit(database.commit, "store commit")

    async def go() -> list[BaseException | None]:
        cancelled, *others = await begin(commits, database, 3)
        cancelled.cancel()
        others[0].cancel()
        database.release.set()
        return await asyncio.gather(cancelled, *others, return_exceptions=True)

    cancelled, also_cancelled, other = asyncio.run(go())

    assert isinstance(cancelled, asyncio.CancelledError)
    assert isinstance(also_cancelled, asyncio.CancelledError)
    assert other is None
    assert database.commits == [["0"], ["2"]]


def test_a_request_that_times_out_is_not_committed_if_still_queued() -> None:
    database = Database()
    commits = GroupCommit(database.commit, "store commit")

    async def go() -> None:
        first, *_ = await begin(commits, database, 1)
        with pytest.raises(TimeoutError):
            await commits.commit(report(1), 0.01)
        database.release.set()
        await first
        await commits.commit(report(2), 30)

    asyncio.run(go())

    assert database.commits == [["0"], ["2"]]


def test_of_concurrent_requests_only_those_with_a_shorter_timeout_time_out() -> None:
    database = Database()
    commits = GroupCommit(database.commit, "store commit")

    async def go() -> list[BaseException | None]:
        first, *_ = await begin(commits, database, 1)
        short = asyncio.create_task(commits.commit(report(1), 0.01))
        long = asyncio.create_task(commits.commit(report(2), 30))
        await asyncio.wait([short])
        database.release.set()
        return list(await asyncio.gather(first, short, long, return_exceptions=True))

    first, short, long = asyncio.run(go())

    assert (first, long) == (None, None)
    assert isinstance(short, TimeoutError)
    assert database.commits == [["0"], ["2"]]


def test_an_event_loop_that_ends_does_not_stop_the_thread() -> None:
    database = Database()
    commits = GroupCommit(database.commit, "store commit")

    async def leave() -> None:
        await begin(commits, database, 1)

    asyncio.run(leave())
    database.release.set()

    asyncio.run(asyncio.wait_for(commits.commit(report(1), 30), 10))
    assert database.commits == [["0"], ["1"]]


@pytest.mark.parametrize("requests", [1, 50])
def test_it_works_in_one_event_loop_after_another(requests: int) -> None:
    database = Database()
    database.release.set()
    commits = GroupCommit(database.commit, "store commit")

    async def go() -> None:
        await asyncio.gather(*(commits.commit(report(number), 30) for number in range(requests)))

    asyncio.run(go())
    asyncio.run(go())

    assert sum(len(batch) for batch in database.commits) == 2 * requests


def test_a_second_commit_runs_beside_the_first_once_it_is_allowed() -> None:
    database = Database()
    commits = GroupCommit(database.commit, "store commit")

    async def go() -> None:
        first, *_ = await begin(commits, database, 1)
        commits.concurrent = 2
        await commits.commit(report(1), 30)
        assert not first.done()
        database.release.set()
        await first

    asyncio.run(go())

    assert database.commits == [["0"], ["1"]]


def test_a_commit_that_fails_before_it_takes_its_items_fails_their_requests() -> None:
    async def commit(take: Callable[[], list[Report]]) -> None:
        raise RcsStoreUnavailable("store: it cannot be reached")

    commits = GroupCommit(commit, "store commit")

    async def go() -> list[BaseException | None]:
        return await asyncio.gather(
            *(commits.commit(report(number), 30) for number in range(3)), return_exceptions=True
        )

    assert [type(each) for each in asyncio.run(go())] == [RcsStoreUnavailable] * 3
