"""The cache of look-ups and rejected credentials of a process."""

from __future__ import annotations

from itertools import count

import pytest

from airflow_provider_rcs.api.errors import RcsAuthError, RcsUnavailable
from airflow_provider_rcs.hooks.memory import Memory


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory(clock: Clock) -> Memory:
    return Memory(300, clock)


def unexpected_look_up() -> int:
    raise AssertionError("the result is cached, and was looked up again")


def test_a_cached_result_is_returned_without_another_look_up(memory: Memory) -> None:
    memory.cached("question", lambda: 1)

    assert memory.cached("question", unexpected_look_up) == 1


def test_an_expired_result_is_looked_up_again(memory: Memory, clock: Clock) -> None:
    memory.cached("question", lambda: 1)
    clock.now += 300

    assert memory.cached("question", lambda: 2) == 2


def test_a_fresh_look_up_replaces_the_cached_result(memory: Memory) -> None:
    numbers = count()
    memory.cached("question", lambda: next(numbers))

    assert memory.cached("question", lambda: next(numbers), fresh=True) == 1
    assert memory.cached("question", unexpected_look_up) == 1


def test_the_result_of_another_look_up_is_not_returned(memory: Memory) -> None:
    memory.cached("question", lambda: 1)

    assert memory.cached("another", lambda: 2) == 2


def test_errors_are_not_cached(memory: Memory) -> None:
    def fail() -> int:
        raise RcsUnavailable("away")

    with pytest.raises(RcsUnavailable):
        memory.cached("question", fail)

    assert memory.cached("question", lambda: 1) == 1


def test_credentials_that_were_not_rejected_are_allowed(memory: Memory) -> None:
    memory.remember_rejected("these")

    memory.require_not_rejected("others")


def test_rejected_credentials_raise_an_error_with_the_remedy(memory: Memory) -> None:
    memory.remember_rejected("these")

    with pytest.raises(RcsAuthError, match="so the call was not made.*Check login and password.*test the connection"):
        memory.require_not_rejected("these")


def test_rejected_credentials_can_be_allowed_again(memory: Memory) -> None:
    memory.remember_rejected("these")
    memory.forget_rejected("these")
    memory.forget_rejected("never rejected")

    memory.require_not_rejected("these")


def test_clear_removes_results_and_rejected_credentials(memory: Memory) -> None:
    memory.remember_rejected("these")
    memory.cached("question", lambda: 1)

    memory.clear()

    memory.require_not_rejected("these")
    assert memory.cached("question", lambda: 2) == 2
