"""A process's cache of results of look-ups."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

SECONDS_TO_CACHE = 300.0

Result = TypeVar("Result")


class LookupCache:
    """Cache results of look-ups for some minutes.

    :param seconds: how long a result is cached.
    :param clock: returns the time in seconds.
    """

    def __init__(self, seconds: float = SECONDS_TO_CACHE, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._results: dict[Hashable, tuple[float, Any]] = {}

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

    def clear(self) -> None:
        """Forget all results."""
        self._results.clear()


LOOKUP_CACHE = LookupCache()
