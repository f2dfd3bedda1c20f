"""A call ends at its time limit, or when the task is stopped, and its request cannot leave after that."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future

import pytest

from airflow_provider_rcs.hooks.time_limit import Calls, RequestBody, StoppedCallError


@pytest.fixture
def hanging() -> Iterator[threading.Event]:
    """What a call that hangs waits for."""
    ended = threading.Event()
    yield ended
    ended.set()


def begin(calls: Calls, body: RequestBody, hanging: threading.Event) -> Future[bool]:
    """Begin a call that hangs, and return its outcome."""
    begun, outcome = threading.Event(), Future[bool]()

    def call() -> bool:
        begun.set()
        return hanging.wait()

    def wait() -> None:
        try:
            outcome.set_result(calls.within(60, body, call))
        except Exception as error:  # noqa: BLE001 - raised in the test
            outcome.set_exception(error)

    threading.Thread(target=wait, daemon=True).start()
    assert begun.wait(10)
    return outcome


def test_a_call_returns_what_it_returns_and_raises_what_it_raises() -> None:
    def fail() -> None:
        raise KeyError("x")

    assert Calls().within(10, RequestBody(b""), lambda: 7) == 7
    with pytest.raises(KeyError):
        Calls().within(10, RequestBody(b""), fail)


def test_a_call_that_takes_longer_is_left_behind(hanging: threading.Event) -> None:
    with pytest.raises(TimeoutError):
        Calls().within(0.01, RequestBody(b""), hanging.wait)


def test_only_calls_whose_body_has_not_left_can_be_withdrawn(hanging: threading.Event) -> None:
    calls, left = Calls(), RequestBody(b"abc")
    left.read()
    waiting, leaving = begin(calls, left, hanging), begin(calls, RequestBody(b"abc"), hanging)

    calls.withdraw()

    with pytest.raises(StoppedCallError):
        leaving.result(10)
    assert not waiting.done()
    hanging.set()
    assert waiting.result(10)


def test_calls_that_are_given_up_end_at_once(hanging: threading.Event) -> None:
    calls, body = Calls(), RequestBody(b"abc")
    body.read()
    waiting = begin(calls, body, hanging)

    calls.give_up()

    with pytest.raises(StoppedCallError):
        waiting.result(10)


@pytest.mark.parametrize("end", [Calls.withdraw, Calls.give_up])
def test_no_call_is_made_after_calls_were_withdrawn_or_given_up(end: Callable[[Calls], None]) -> None:
    calls, made = Calls(), list[str]()
    end(calls)

    with pytest.raises(StoppedCallError):
        calls.within(10, RequestBody(b"abc"), lambda: made.append("it"))

    assert made == []


def test_a_body_is_read_whole_and_cannot_be_withdrawn_then() -> None:
    body = RequestBody(b"abcde")

    assert (len(body), body.read(2), body.read()) == (5, b"ab", b"cde")
    assert not body.withdraw()
    assert body.read() == b""


def test_a_withdrawn_body_never_leaves() -> None:
    body = RequestBody(b"abcde")

    assert body.withdraw()
    assert body.withdraw()
    with pytest.raises(OSError, match="withdrawn"):
        body.read(2)
