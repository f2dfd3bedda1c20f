"""The memory of a process during a soak."""

from __future__ import annotations

from statistics import median
from threading import Event

import psutil

_SECONDS_BETWEEN_SAMPLES = 1.0
_MIB = 2**20


class MemorySamples:
    """Samples the resident memory of a process and its children until the soak ends."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self.mebibytes: list[float] = []

    def sample_until(self, ended: Event) -> None:
        while not ended.wait(_SECONDS_BETWEEN_SAMPLES):
            processes = [self._process, *self._process.children(recursive=True)]
            self.mebibytes.append(sum(each.memory_info().rss for each in processes) / _MIB)

    @property
    def growth(self) -> float:
        """MiB between the medians of the second and the last quarter."""
        quarter = len(self.mebibytes) // 4
        return median(self.mebibytes[-quarter:]) - median(self.mebibytes[quarter : 2 * quarter]) if quarter else 0.0
