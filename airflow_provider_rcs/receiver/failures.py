"""A limit on wrong logins and passwords, address by address, in bounded memory."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Any

_MOST_FAILURES = 20
_SECONDS = 60.0
_MOST_ADDRESSES = 10_000
# Whoever gave the right password lately is not shut out: behind a proxy that is not configured as trusted, all clients
# have its address, and a stranger's failures would cost the service's reports.
_SECONDS_OF_GRACE = 24 * 3600.0


class FailureLimit:
    """Counts failures within a minute from the first one; where addresses are too many, the oldest are forgotten."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._known: OrderedDict[str, float] = OrderedDict()

    def is_over(self, address: str) -> bool:
        """Tell whether an address has failed too often."""
        begun, failures = self._failures.get(address, (0.0, 0))
        if failures < _MOST_FAILURES:
            return False
        now = time.monotonic()
        if now >= begun + _SECONDS:
            del self._failures[address]
            return False
        return now >= self._known.get(address, -_SECONDS_OF_GRACE) + _SECONDS_OF_GRACE

    def failed(self, address: str) -> None:
        """Note a failure."""
        begun, failures = self._failures.get(address, (0.0, 0))
        now = time.monotonic()
        if now >= begun + _SECONDS:
            begun, failures = now, 0
        self._failures[address] = (begun, failures + 1)
        _forget_the_oldest(self._failures)

    def succeeded(self, address: str) -> None:
        """Note that login and password were right."""
        self._known[address] = time.monotonic()
        self._known.move_to_end(address)
        _forget_the_oldest(self._known)


def _forget_the_oldest(addresses: OrderedDict[str, Any]) -> None:
    while len(addresses) > _MOST_ADDRESSES:
        addresses.popitem(last=False)
