"""Calls in the threads of a pool, where it is certain which of them are made if no thread can be started."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import TypeVar

R = TypeVar("R")


def submit(pool: Executor, call: Callable[[], R]) -> Future[R]:
    """Have a pool make a call, unless no thread can be started for it.

    A pool that fails to start a thread raises, and yet keeps the call for a thread that it has already.

    :raises RuntimeError: if no thread can be started; then the call is not made, now or later.
    """
    outcome: Future[R] = Future()
    try:
        pool.submit(_run, call, outcome)
    except RuntimeError:
        if outcome.cancel():
            raise
        # A thread of the pool has begun with it.
    return outcome


def call_here(call: Callable[[], R]) -> Future[R]:
    """Make a call in this thread, and return its outcome as a pool would."""
    outcome: Future[R] = Future()
    _run(call, outcome)
    return outcome


def _run(call: Callable[[], R], outcome: Future[R]) -> None:
    if outcome.set_running_or_notify_cancel():
        try:
            outcome.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised where the outcome is awaited
            outcome.set_exception(error)
