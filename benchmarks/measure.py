"""Measure several ways of doing the same work in turns."""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

IS_QUICK = os.environ.get("RCS_BENCH") == "quick"
ROUNDS = 2 if IS_QUICK else 5


def sized(count: int) -> int:
    """Return how many items a run measures: all of ``count``, or a tenth of it in a quick run."""
    return count // 10 if IS_QUICK else count


@dataclass(frozen=True)
class Way:
    """One way of doing the work.

    :param run: does the work once, and returns the number of items.
    """

    name: str
    run: Callable[[], int]


@dataclass(frozen=True)
class Measured:
    """Items per second of each way, round by round."""

    what: str
    rates: Mapping[str, list[float]]

    def median(self, way: str) -> float:
        """Return the median rate of a way."""
        return statistics.median(self.rates[way])

    def row(self) -> str:
        """Return the row of the table: ours, naive, limit, and the two ratios."""
        ours, naive, limit = (self.median(way) for way in ("ours", "naive", "limit"))
        cells = [self.what, *(self._cell(way) for way in ("ours", "naive", "limit"))]
        return f"| {' | '.join(cells)} | {ours / naive:.1f} | {ours / limit:.2f} |"

    def _cell(self, way: str) -> str:
        rates = self.rates[way]
        spread = (max(rates) - min(rates)) / self.median(way)
        return f"{self.median(way):,.0f}/s ±{spread / 2:.0%}"


class MeasuredTimes(Measured):
    """Something done once, such as a start: cells show its duration, ratios compare rates as everywhere."""

    def _cell(self, way: str) -> str:
        rates = self.rates[way]
        spread = (max(rates) - min(rates)) / self.median(way)
        return f"{1000 / self.median(way):,.0f} ms ±{spread / 2:.0%}"


class MeasuredOnce(Measured):
    """Something that takes too long for several rounds, and therefore has no spread."""

    def _cell(self, way: str) -> str:
        return f"{self.median(way):,.0f}/s"


def measure(what: str, *, ours: Way, naive: Way, limit: Way, kind: type[Measured] = Measured) -> Measured:
    """Run the three ways in turns, so that a noisy moment of the machine affects all of them.

    :param what: name of the work in the table.
    :param kind: how the row shows it.
    """
    return kind(what, _rates({"ours": ours, "naive": naive, "limit": limit}, ROUNDS))


def measure_once(what: str, *, ours: Way, naive: Way, limit: Way) -> Measured:
    """Run each way once.

    :param what: name of the work in the table.
    """
    return MeasuredOnce(what, _rates({"ours": ours, "naive": naive, "limit": limit}, 1))


def _rates(ways: Mapping[str, Way], rounds: int) -> dict[str, list[float]]:
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            gc.collect()
            begun = time.perf_counter()
            items = way.run()
            rates[name].append(items / (time.perf_counter() - begun))
    return rates
