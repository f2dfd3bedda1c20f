"""Running checks."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar

import pytest

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.doctor.findings import Check, Finding, Level, run_checks

GOOD = Finding(Level.OK, "first", "as it should be")
NEXT = Check("next", lambda: [Finding(Level.OK, "next", "as it should be")])


def then_raises(error: Exception) -> Iterator[Finding]:
    yield GOOD
    raise error


def test_a_check_that_raises_keeps_what_it_found_and_does_not_stop_the_next() -> None:
    found = list(run_checks([Check("first", lambda: then_raises(RuntimeError("password=secret"))), NEXT]))

    assert [(each.level, each.what) for each in found] == [
        (Level.OK, "first"),
        (Level.FAILED, "first"),
        (Level.OK, "next"),
    ]
    assert "RuntimeError" in found[1].text
    assert "secret" not in str(found)


def test_an_error_of_the_provider_is_shown_with_its_remedy() -> None:
    error = RcsInputError("host", "it is missing", "Set it.")

    [_, found] = run_checks([Check("first", lambda: then_raises(error))])

    assert str(found) == "failed   first: host: it is missing. Set it."


@pytest.mark.slow
def test_a_check_that_hangs_is_left_after_its_time() -> None:
    release = threading.Event()

    def hang() -> Iterator[Finding]:
        yield GOOD
        release.wait(30)

    started = time.monotonic()
    found = list(run_checks([Check("first", hang), NEXT], 0.2))
    release.set()

    assert time.monotonic() - started < 10
    assert [each.level for each in found] == [Level.OK, Level.FAILED, Level.OK]
    assert found[1].text.startswith("no result within 0.2 s")


def test_a_check_sees_the_context_of_its_caller() -> None:
    variable: ContextVar[str] = ContextVar("variable", default="unset")
    variable.set("set")

    [found] = run_checks([Check("first", lambda: [Finding(Level.OK, "first", variable.get())])])

    assert found.text == "set"
