"""Look-up results and rejected credentials, remembered for the life of a process."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from airflow_provider_rcs.api.errors import RcsAuthError

SECONDS_TO_REMEMBER = 300.0

Answer = TypeVar("Answer")


class Memory:
    """Cache look-up results for some minutes, and rejected credentials until they are cleared.

    :param seconds: how long a result is cached.
    :param clock: returns the time in seconds.
    """

    def __init__(self, seconds: float = SECONDS_TO_REMEMBER, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._answers: dict[Hashable, tuple[float, Any]] = {}
        self._refused: set[Hashable] = set()

    def recall(self, question: Hashable, ask: Callable[[], Answer], *, fresh: bool = False) -> Answer:
        """Return the cached result of a look-up, or make the look-up and cache it; errors are not cached.

        :param question: identifies the look-up: the call, the account and the parameters.
        :param ask: makes the look-up.
        :param fresh: whether to ignore the cache.
        """
        until, answer = self._answers.get(question, (0.0, None))
        if fresh or answer is None or self._clock() >= until:
            answer = ask()
            self._answers[question] = (self._clock() + self._seconds, answer)
        return answer  # type: ignore[no-any-return]

    def refused(self, credentials: Hashable) -> None:
        """Remember that the service rejected credentials."""
        self._refused.add(credentials)

    def require_not_refused(self, credentials: Hashable) -> None:
        """Check that the service has not rejected these credentials before.

        :raises RcsAuthError: if it has.
        """
        if credentials in self._refused:
            raise RcsAuthError(
                "the service rejected this API User and API Token earlier in this process, so the call was not made. "
                f"Nothing was sent. {RcsAuthError.remedy} If the account was fixed instead, test the connection."
            )

    def forget_refusal(self, credentials: Hashable) -> None:
        """Allow credentials to be tried again."""
        self._refused.discard(credentials)

    def forget(self) -> None:
        """Clear the cache and the rejected credentials."""
        self._answers.clear()
        self._refused.clear()


PROCESS_MEMORY = Memory()
