"""What a process remembers of the service: results of look-ups, and credentials that it rejected."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from airflow_provider_rcs.api.errors import RcsAuthError

SECONDS_TO_CACHE = 300.0

Result = TypeVar("Result")


class Memory:
    """Cache look-up results for some minutes, and rejected credentials until they are cleared.

    :param seconds: how long a result is cached.
    :param clock: returns the time in seconds.
    """

    def __init__(self, seconds: float = SECONDS_TO_CACHE, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._results: dict[Hashable, tuple[float, Any]] = {}
        self._rejected: set[Hashable] = set()

    def cached(self, key: Hashable, look_up: Callable[[], Result], *, fresh: bool = False) -> Result:
        """Return the cached result of a look-up, or make the look-up and cache its result; errors are not cached.

        :param key: identifies the look-up: the call, the account and the parameters.
        :param look_up: makes the look-up.
        :param fresh: whether to ignore the cache.
        """
        expires_at, result = self._results.get(key, (0.0, None))
        if fresh or result is None or self._clock() >= expires_at:
            result = look_up()
            self._results[key] = (self._clock() + self._seconds, result)
        return result  # type: ignore[no-any-return]

    def remember_rejected(self, credentials: Hashable) -> None:
        """Remember that the service rejected credentials."""
        self._rejected.add(credentials)

    def require_not_rejected(self, credentials: Hashable) -> None:
        """Check that the service has not rejected these credentials before.

        :raises RcsAuthError: if it has.
        """
        if credentials in self._rejected:
            raise RcsAuthError(
                "the service rejected this API User and API Token earlier in this process, so the call was not made. "
                f"Nothing was sent. {RcsAuthError.remedy} If the account was fixed instead, test the connection."
            )

    def forget_rejected(self, credentials: Hashable) -> None:
        """Allow credentials to be tried again."""
        self._rejected.discard(credentials)

    def clear(self) -> None:
        """Clear the cache and the rejected credentials."""
        self._results.clear()
        self._rejected.clear()


PROCESS_MEMORY = Memory()
