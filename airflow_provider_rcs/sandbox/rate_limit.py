"""How many requests a second the service takes."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class RateLimit:
    """Lets no more than so many pass in any stretch of a second.

    :param limit: none: everything passes.
    """

    def __init__(self, limit: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._passed: deque[float] = deque(maxlen=limit or 0)

    def admits(self) -> bool:
        if self._limit is None:
            return True
        now = self._clock()
        if len(self._passed) == self._limit and now - self._passed[0] < 1:
            return False
        self._passed.append(now)
        return True
