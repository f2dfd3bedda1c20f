"""A clock that stands still until a test moves it."""

from __future__ import annotations

import time


class Clock:
    """Replaces the module ``time``."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        """Sleep for real: the threads of the receiver would not stop otherwise."""
        time.sleep(seconds)
