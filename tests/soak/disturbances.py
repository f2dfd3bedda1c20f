"""What a soak does to the processes and the disk while they work, and when it did so."""

from __future__ import annotations

import math
import os
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
_SECONDS_BETWEEN_PROBES = 0.05
_SECONDS_OF_A_STALL = 0.25
_CHUNK = b"\0" * 65_536


@dataclass
class Disturbances:
    """Records the disturbances, so that slow and failed answers can be explained by them."""

    counts: Counter[str] = field(default_factory=Counter)
    _spans: list[tuple[float, float, str]] = field(default_factory=list)
    _now: tuple[float, str] = (math.inf, "")
    _lock: Lock = field(default_factory=Lock)

    def during(self, kind: str, disturb: Callable[[], object]) -> None:
        """Run a disturbance and record its time; one at a time."""
        begin = time.monotonic()
        self._now = (begin, kind)
        try:
            disturb()
        finally:
            self.record(kind, begin, time.monotonic() + _SECONDS_OF_EFFECT)
            self._now = (math.inf, "")

    def record(self, kind: str, begin: float, end: float) -> None:
        """Record a disturbance that has ended."""
        with self._lock:
            self.counts[kind] += 1
            self._spans.append((begin, end, kind))

    def explanation(self, begin: float, end: float) -> str:
        """Return the kind of a disturbance that overlaps, itself or by its effect, with a stretch of time, if any."""
        since, kind = self._now
        if end >= since:
            return kind
        with self._lock:
            return next((kind for since, until, kind in self._spans if begin <= until and end >= since), "")


def watch_for_stalls(disturbances: Disturbances, folder: Path, ended: Event) -> None:
    """Record when the machine itself is too busy to run a thread or to write to a disk for a while.

    :param folder: on the disk to write to.
    """
    probe = folder / "probe"
    while not ended.is_set():
        begin = time.monotonic()
        time.sleep(_SECONDS_BETWEEN_PROBES)
        with suppress(OSError), probe.open("wb") as file:
            file.write(b"1")
            os.fsync(file.fileno())
        end = time.monotonic()
        if end - begin > _SECONDS_BETWEEN_PROBES + _SECONDS_OF_A_STALL:
            # The answers after it wait for those before them.
            disturbances.record("stalls of the machine", begin, end + 1.0)


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
