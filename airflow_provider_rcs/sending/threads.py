"""Calls in threads of their own, which do not keep the process from ending."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

R = TypeVar("R")


def start(call: Callable[[], R], name: str) -> Future[R]:
    """Make a call in a thread of its own, and return its outcome.

    A pool's threads would keep the process from ending for as long as one of them waits for a database or a service.

    :param name: the thread's name.
    :raises RuntimeError: if no thread can be started; then the call is not made.
    """
    outcome: Future[R] = Future()
    threading.Thread(target=_run, args=(call, outcome), name=name, daemon=True).start()
    return outcome


def call_here(call: Callable[[], R]) -> Future[R]:
    """Make a call in this thread, and return its outcome as :func:`start` would."""
    outcome: Future[R] = Future()
    _run(call, outcome)
    return outcome


def _run(call: Callable[[], R], outcome: Future[R]) -> None:
    try:
        outcome.set_result(call())
    except BaseException as error:  # noqa: BLE001 - raised where the outcome is awaited
        outcome.set_exception(error)
