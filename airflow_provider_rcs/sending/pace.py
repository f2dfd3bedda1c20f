"""The pace of one attempt: how many requests may be in flight, and when the next one may leave."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

PATIENCE_SECONDS = 900.0
"""How long an attempt waits for a service that answers 429, from the last request that it accepted."""

_FIRST_PAUSE = 1.0
_SHORTEST_PAUSE = 0.1
_LONGEST_PAUSE = 60.0
# How much faster requests leave for each one that is accepted: a share of the rate at the last 429, and requests a
# second. The latter so that a rate measured over a long pause does not last.
_GROWTH = 0.03


@dataclass
class Pace:
    """Decides from the service's replies how many requests may be in flight, and when the next one may leave.

    Until the service has accepted a request, one is in flight, so that wrong credentials are shown once; then as many
    as the task allows. The 429s to requests that were in flight together are one refusal. After it nothing leaves for
    as long as the service asks, or for a pause that doubles with each refusal in a row. Then one request leaves, and no
    other until it is answered. If it is accepted, one more may be in flight for each round of accepted requests, and
    they leave as fast as the service accepted them before the refusal, plus a little for each one that it accepts.

    Times are seconds of one monotonic clock.

    :param most: how many requests the task allows in flight.
    :param chance: returns a random number between 0 and 1.
    :param not_before: when the next request may leave.
    :param width: how many requests may be in flight.
    """

    most: int
    chance: Callable[[], float] = random.random
    not_before: float = 0.0
    width: int = 1
    _refusals: int = 0
    _refusals_in_a_row: int = 0
    _has_accepted: bool = False
    _accepted_in_round: int = 0
    # The requests accepted since the last refusal, and when that was.
    _accepted: int = 0
    _refused_at: float | None = None
    # Requests a second; 0 for no limit.
    _rate: float = 0.0
    _growth: float = 0.0
    _patient_until: float = 0.0

    @property
    def claims_ahead(self) -> int:
        """How many batches should be claimed before their requests may leave."""
        return self.width if self._has_accepted or self._refusals else self.most

    @property
    def most_at_once(self) -> int:
        """How many requests may leave at the same moment."""
        return 1 if self._rate else self.most

    @property
    def is_out_of_patience(self) -> bool:
        """Whether the service would have to be waited for longer than :data:`PATIENCE_SECONDS`."""
        return bool(self._refusals_in_a_row) and self.not_before > self._patient_until

    def leave(self, now: float) -> int:
        """Record that a request leaves now.

        :return: the number of refusals so far; give it back with the reply.
        """
        self._patient_until = self._patient_until or now + PATIENCE_SECONDS
        if self._rate:
            self._wait(until=now + 1 / self._rate)
        return self._refusals

    def accepted(self, refusals: int, now: float) -> None:
        """Record that the service has accepted a request.

        :param refusals: what :meth:`leave` returned for it.
        """
        self._patient_until = now + PATIENCE_SECONDS
        if not self._has_accepted:
            self._has_accepted = True
            self.width = 1 if self._refusals else self.most
        if refusals < self._refusals:
            return  # It left before the last refusal, so it proves nothing about what is allowed since.
        self._refusals_in_a_row = 0
        self._accepted += 1
        if self._rate:
            self._rate += self._growth
        self._accepted_in_round += 1
        if self._accepted_in_round >= self.width:
            self.width = min(self.width + 1, self.most)
            self._accepted_in_round = 0

    def limited(self, refusals: int, retry_after: float | None, now: float) -> bool:
        """Record a 429.

        :param refusals: what :meth:`leave` returned for its request.
        :param retry_after: the seconds that the service asks to wait; ``None`` if it does not say.
        :return: whether it is a new refusal, and not another reply of the last one.
        """
        is_new = refusals == self._refusals
        if is_new:
            self._refusals += 1
            self._refusals_in_a_row += 1
            self._measure_rate(now)
            self.width, self._accepted_in_round = 1, 0
        if retry_after:
            self._wait(until=now + retry_after)
        elif is_new:
            self._wait(until=now + self._own_pause())
        return is_new

    def pause(self, seconds: float, now: float) -> None:
        """Let no request leave for some seconds, after a failure that is no 429."""
        self._wait(until=now + seconds)

    def _wait(self, until: float) -> None:
        self.not_before = max(self.not_before, until)

    def _measure_rate(self, now: float) -> None:
        if self._refused_at is not None:
            if not self._accepted:
                return  # A refused probe: the pause goes on.
            seconds = max(now - self._refused_at, _SHORTEST_PAUSE)
            # Not slower than one request a minute: the service may have asked for a long pause once.
            self._rate = max(self._accepted / seconds, 1 / _LONGEST_PAUSE)
            self._growth = _GROWTH * max(self._rate, 1.0)
        # The first refusal shows no rate: the requests before it left all at once.
        self._refused_at, self._accepted = now, 0

    def _own_pause(self) -> float:
        first = min(max(2 / self._rate, _SHORTEST_PAUSE), _FIRST_PAUSE) if self._rate else _FIRST_PAUSE
        longest = min(first * 2.0 ** min(self._refusals_in_a_row - 1, 30), _LONGEST_PAUSE)
        # Random, so that tasks that were refused together do not come back together.
        return longest * (1 + self.chance() / 2)
