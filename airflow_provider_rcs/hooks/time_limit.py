"""Limits of a whole call, to connect, send the request and read the reply to its end: its time, and the task's stop."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import Any, TypeVar

R = TypeVar("R")


class RequestBody:
    """The body of a request, which knows whether any of it may have left, and can be withdrawn until then.

    A request names its recipients in its body, so that nobody is messaged before it leaves.

    :param content: what it holds.
    """

    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)
        self._length = len(content)
        self._lock = threading.Lock()
        self._has_left = False
        self._is_withdrawn = False

    def __len__(self) -> int:
        return self._length

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes to send.

        :raises OSError: if the body is withdrawn.
        """
        with self._lock:
            if self._is_withdrawn:
                raise OSError("the request was withdrawn")
            self._has_left = True
        return self._content.read(size)

    def withdraw(self) -> bool:
        """Prevent the body from leaving; return whether none of it has left, nor will."""
        with self._lock:
            self._is_withdrawn = not self._has_left
            return self._is_withdrawn


class StoppedCallError(Exception):
    """A call was not waited for any longer, because the task is being stopped."""


class Calls:
    """The calls of one hook, each with a time limit; all of them can be withdrawn, and their replies given up."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._in_flight: dict[Future[Any], RequestBody] = {}
        self._is_withdrawn = False
        self._is_given_up = False

    def within(self, seconds: float, body: RequestBody, call: Callable[[], R]) -> R:
        """Return what a call returns, or raise what it raises.

        It runs in a thread of its own, because no time limit of a socket covers a peer that sends a byte now and then.
        A call that takes longer is left behind in its thread, which does not keep the process from ending.

        :param body: the body that the call sends.
        :raises TimeoutError: if the call takes longer.
        :raises StoppedCallError: if the call is withdrawn or given up.
        :raises RuntimeError: if no thread can be started; then the call is not made.
        """
        outcome: Future[R] = Future()
        with self._lock:
            if self._is_given_up or (self._is_withdrawn and body.withdraw()):
                raise StoppedCallError
            self._in_flight[outcome] = body
        try:
            threading.Thread(target=_run, args=(call, outcome), name="rcs-call", daemon=True).start()
            return outcome.result(seconds)
        finally:
            with self._lock:
                del self._in_flight[outcome]

    def withdraw(self) -> None:
        """Let no body leave any more; the calls whose body has not left end at once."""
        with self._lock:
            self._is_withdrawn = True
            for outcome, body in self._in_flight.items():
                if body.withdraw():
                    _end(outcome, StoppedCallError())

    def give_up(self) -> None:
        """Wait for no call any more, whether its body has left or not."""
        self.withdraw()
        with self._lock:
            self._is_given_up = True
            for outcome in self._in_flight:
                _end(outcome, StoppedCallError())


def _run(call: Callable[[], R], outcome: Future[R]) -> None:
    try:
        result = call()
    except BaseException as error:  # noqa: BLE001 - raised where the call is awaited
        _end(outcome, error)
    else:
        # Too late if the call was given up.
        with suppress(InvalidStateError):
            outcome.set_result(result)


def _end(outcome: Future[Any], error: BaseException) -> None:
    with suppress(InvalidStateError):
        outcome.set_exception(error)
