"""Runs tests on mutants in forks of a process that has collected the tests."""

from __future__ import annotations

import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, Pipe
from typing import Any

import pytest
from mutmut.mutation.trampoline import set_mutant_under_test

# pytest stops a test after so many seconds, and the parent a fork that pytest cannot stop.
TEST_TIMEOUT = 20
_FORK_TIMEOUT = 90


class Trial:
    """Runs tests by name, and says if they fail."""

    def __init__(self, items: Sequence[pytest.Item]) -> None:
        self.items = {item.nodeid: item for item in items}
        self._failed = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._failed |= report.failed

    def first_failure(self, mutant: str, tests: Sequence[str], limit: float) -> tuple[str, list[str]]:
        """Return the first test that fails, and the tests that were not run within so many seconds of the processor."""
        set_mutant_under_test(mutant)
        # A slow machine can fail a test of the receiver.
        times = 2 if ".receiver." in mutant else 1
        end = time.process_time() + limit
        try:
            for place, test in enumerate(tests):
                if time.process_time() > end:
                    return "", list(tests[place:])
                if all(self.fails(test) for _ in range(times)):
                    return test, []
            return "", []
        finally:
            set_mutant_under_test("")

    def fails(self, test: str) -> bool:
        item = self.items[test]
        self._failed = False
        try:
            # With the session as the next item, its fixtures stay: they take longer than most tests.
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=item.session)
        except BaseException:  # noqa: BLE001 - A mutant may exit, or interrupt pytest.
            return True
        return self._failed


def in_fork(work: Callable[[Connection], None], limit: float) -> Iterator[Any]:
    """Yield what ``work`` sends from a fork; end early if the fork dies or sends nothing for too long."""
    if threading.active_count() > 1:
        raise RuntimeError("fork nothing from a process with threads: the fork would have none of them")
    with tempfile.TemporaryDirectory(prefix="mutants-", ignore_cleanup_errors=True) as folder:
        receiving, sending = Pipe(duplex=False)
        child = os.fork()
        if not child:
            _work_and_exit(work, sending, folder)
        os.setpgid(child, child)  # To end what the tests have started as well.
        sending.close()
        try:
            while receiving.poll(3 * limit + _FORK_TIMEOUT):
                yield receiving.recv()
        except EOFError:
            return
        finally:
            receiving.close()
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _work_and_exit(work: Callable[[Connection], None], sending: Connection, folder: str) -> None:
    tempfile.tempdir = os.environ["TMPDIR"] = os.environ["PYTEST_DEBUG_TEMPROOT"] = folder
    try:
        work(sending)
    finally:
        os._exit(0)
