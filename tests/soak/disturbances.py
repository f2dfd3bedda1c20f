"""What a soak does to the processes and the disk while they work, and when it did so."""

from __future__ import annotations

import math
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Lock

from tests.receiver_process import ReceiverProcess

_SECONDS_OF_EFFECT = 8.0
_CHUNK = b"\0" * 65_536


@dataclass
class Disturbances:
    """Records the disturbances, so that slow and failed answers can be explained by them."""

    counts: Counter[str] = field(default_factory=Counter)
    _spans: list[tuple[float, float]] = field(default_factory=list)
    _since: float = math.inf
    _lock: Lock = field(default_factory=Lock)

    def during(self, kind: str, disturb: Callable[[], object]) -> None:
        """Run a disturbance and record its time."""
        self._since = begin = time.monotonic()
        try:
            disturb()
        finally:
            with self._lock:
                self.counts[kind] += 1
                self._spans.append((begin, time.monotonic() + _SECONDS_OF_EFFECT))
                self._since = math.inf

    def explain(self, begin: float, end: float) -> bool:
        """Return whether a disturbance, or its effect, overlaps with a stretch of time."""
        with self._lock:
            return end >= self._since or any(begin <= until and end >= since for since, until in self._spans)


def disturb_at_random(
    disturbances: Disturbances,
    kinds: Sequence[tuple[str, Callable[[], object]]],
    chance: random.Random,
    pause: tuple[float, float],
    ended: Event,
) -> None:
    """Disturb again and again, with pauses of random length, until the soak ends."""
    while not ended.wait(chance.uniform(*pause)):
        disturbances.during(*chance.choice(kinds))


def kill_and_restart(receiver: ReceiverProcess, ended: Event) -> None:
    """Kill a receiver as ``kill -9`` does, and start it again."""
    receiver.kill()
    ended.wait(0.5)
    receiver.start()


def fill_disk(folder: Path, ended: Event) -> None:
    """Fill the disk that a folder is on for a second or two."""
    filler = folder / "filler"
    try:
        # Unbuffered, because closing a buffered file would write the rest.
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(_CHUNK)
        ended.wait(1.5)
    finally:
        filler.unlink(missing_ok=True)
