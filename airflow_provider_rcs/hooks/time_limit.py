"""A time limit for a whole call: to connect, to send the request, and to read the reply to its end."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

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


def call_within(seconds: float, call: Callable[[], R]) -> R:
    """Return what a call returns, or raise what it raises.

    It runs in a thread of its own, because no time limit of a socket covers a peer that sends a byte now and then. A
    call that takes longer is left behind in its thread, which does not keep the process from ending.

    :raises TimeoutError: if the call takes longer.
    :raises RuntimeError: if no thread can be started; then the call is not made.
    """
    outcome: Future[R] = Future()

    def run() -> None:
        try:
            outcome.set_result(call())
        except BaseException as error:  # noqa: BLE001 - raised where the call is awaited
            outcome.set_exception(error)

    threading.Thread(target=run, name="rcs-call", daemon=True).start()
    return outcome.result(seconds)
