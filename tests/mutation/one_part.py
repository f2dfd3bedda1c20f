"""Runs mutants whose names it reads, in mutmut's folder: ``python -m tests.mutation.one_part SECONDS < MUTANTS``."""

from __future__ import annotations

import os
import sys
import tempfile
import tomllib
from collections.abc import Sequence
from itertools import islice
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from tests.mutation.forked import TEST_TIMEOUT, Trial, in_fork
from tests.mutation.record import Result, code_of, tests_of
from tests.postgres import SHARED_SERVER, fast_postgres_server
from tests.stores import postgres_store, sqlite_store

_MUTANTS_PER_FORK = 30


class MutantsInPlaceOfTests:
    """A pytest plugin that runs mutants, each with its tests, in place of all tests.

    :param names: the mutants.
    :param limit: for how many seconds each of them is tested.
    """

    def __init__(self, names: Sequence[str], limit: float) -> None:
        self._limit = limit
        self._tests = tests_of(names)
        self._noticing: list[str] = []  # The tests that have failed, the latest first.

    def test_files(self) -> list[str]:
        return sorted({test.partition("::")[0] for tests in self._tests.values() for test in tests})

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._trial = Trial(session.items)
        session.config.pluginmanager.register(self._trial)
        for name, tests in self._tests.items():
            self._tests[name] = [test for test in tests if test in self._trial.items]
        with fast_postgres_server() as server:
            os.environ[SHARED_SERVER] = server
            _migrate_for_all_forks(server)
            remaining = iter(self._tests)
            while group := list(islice(remaining, _MUTANTS_PER_FORK)):
                self._run_in_one_fork(group)
        return True

    def _run_in_one_fork(self, group: Sequence[str]) -> None:
        """Run mutants in one fork, or each in a fork of its own if one hangs or spoils the tests of the others."""
        sent = list(in_fork(lambda sending: self._work(sending, group), self._limit))
        suspects = sent.pop() if len(sent) > len(group) else None
        if (suspects and self._leave_out_failing(suspects)) or (suspects != [] and len(group) > 1):
            for name in group:
                self._run_in_one_fork([name])
            return
        for name, (noticed_by, left) in zip(group, sent or [("a crash or a hang", [])], strict=True):
            self._noticing = list(dict.fromkeys([noticed_by, *self._noticing] if noticed_by else self._noticing))
            Result(name, code_of(name), noticed_by, len(left)).save()

    def _work(self, sending: Connection, group: Sequence[str]) -> None:
        """Send the result of each mutant, then the tests that noticed one and now fail without one too."""
        failed: list[str] = []
        for name in group:
            tests = self._tests[name]
            first = [test for test in [*reversed(failed), *self._noticing] if test in tests]
            noticed_by, left = self._trial.first_failure(name, list(dict.fromkeys([*first, *tests])), self._limit)
            failed += [noticed_by] if noticed_by else []
            sending.send((noticed_by, left))
        sending.send([test for test in dict.fromkeys(failed) if self._trial.fails(test)])

    def _leave_out_failing(self, tests: Sequence[str]) -> bool:
        """Leave out the tests that fail in a fork without mutants too; return whether there are any."""
        sent = list(in_fork(lambda sending: sending.send([test for test in tests if self._trial.fails(test)]), 60))
        failing = sent[0] if sent else []
        for name, left in self._tests.items():
            self._tests[name] = [test for test in left if test not in failing]
        return bool(failing)


def _migrate_for_all_forks(server: str) -> None:
    """Make the stores of which each test has a copy."""
    with tempfile.TemporaryDirectory() as folder:
        sqlite_store(Path(folder, "store.db"))
    with postgres_store(server):
        pass


def main(names: Sequence[str], limit: float) -> int:
    plugin = MutantsInPlaceOfTests(names, limit)
    options = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["mutmut"]["pytest_add_cli_args"]
    limits = [f"--timeout={TEST_TIMEOUT}", "-o", "tmp_path_retention_policy=failed"]
    # Without a file, pytest would collect all tests.
    return pytest.main([*options, *limits, *(plugin.test_files() or [__file__])], plugins=[plugin])


if __name__ == "__main__":
    sys.exit(main(sys.stdin.read().split(), float(sys.argv[1])))
