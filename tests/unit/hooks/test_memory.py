"""What a process remembers of the service."""

from __future__ import annotations

from itertools import count

import pytest

from airflow_provider_rcs.api.errors import RcsAuthError, RcsUnavailable
from airflow_provider_rcs.hooks.memory import Memory


class Clock:
    """A clock that a test turns."""

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


def asked() -> int:
    raise AssertionError("the answer is known, and was asked for again")


def test_an_answer_is_recalled_without_asking_again(memory: Memory) -> None:
    memory.recall("question", lambda: 1)

    assert memory.recall("question", asked) == 1


def test_an_answer_is_asked_for_again_when_it_is_old(memory: Memory, clock: Clock) -> None:
    memory.recall("question", lambda: 1)
    clock.now += 300

    assert memory.recall("question", lambda: 2) == 2


def test_an_answer_that_is_asked_for_afresh_is_the_one_that_is_recalled_then(memory: Memory) -> None:
    numbers = count()
    memory.recall("question", lambda: next(numbers))

    assert memory.recall("question", lambda: next(numbers), fresh=True) == 1
    assert memory.recall("question", asked) == 1


def test_an_answer_to_another_question_is_not_recalled(memory: Memory) -> None:
    memory.recall("question", lambda: 1)

    assert memory.recall("another", lambda: 2) == 2


def test_a_failure_is_not_remembered(memory: Memory) -> None:
    def fail() -> int:
        raise RcsUnavailable("away")

    with pytest.raises(RcsUnavailable):
        memory.recall("question", fail)

    assert memory.recall("question", lambda: 1) == 1


def test_credentials_that_nobody_refused_may_be_shown(memory: Memory) -> None:
    memory.refused("these")

    memory.require_not_refused("others")


def test_refused_credentials_are_not_shown_again_and_the_way_out_is_told(memory: Memory) -> None:
    memory.refused("these")

    with pytest.raises(RcsAuthError, match="so the call was not made.*Check login and password.*test the connection"):
        memory.require_not_refused("these")


def test_a_refusal_can_be_forgotten(memory: Memory) -> None:
    memory.refused("these")
    memory.forget_refusal("these")
    memory.forget_refusal("never refused")

    memory.require_not_refused("these")


def test_everything_can_be_forgotten(memory: Memory) -> None:
    memory.refused("these")
    memory.recall("question", lambda: 1)

    memory.forget()

    memory.require_not_refused("these")
    assert memory.recall("question", lambda: 2) == 2
