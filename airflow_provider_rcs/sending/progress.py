"""The progress of a campaign: a few lines of the log with rate and time left, or what shows it instead."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from airflow_provider_rcs.api.models import Outcome
from airflow_provider_rcs.api.statuses import MessageState

T = TypeVar("T")

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LINES = 10.0
"""How long after the start the first line comes at the earliest, and each later one after the one before."""

# The later lines come at shares of the messages, so that a send of any length has as many: 1/4, 2/4 and 3/4.
_SHARES = 4

_MINUTE = 60
_HOUR = 3600


class Progress:
    """Counts the messages of one attempt by the state that they end in, and shows the counts.

    :param campaign: the campaign's name.
    :param to_send: how many messages the attempt will probably send.
    :param show: is given the counts whenever they have changed, in the thread that sends, which it must not hold up; by
        default they are logged after :data:`SECONDS_BETWEEN_LINES` and at each quarter of the messages.
    :param clock: returns the seconds of a monotonic clock.
    """

    def __init__(
        self, campaign: str, to_send: int, show: ShowProgress | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._campaign = campaign
        self._show = show
        self._clock = clock
        self.to_send = to_send
        self._counts: Counter[MessageState] = Counter()
        self._started_at = clock()
        # When the last line was logged, with how many messages, and the share from which the next one is.
        self._line_at = self._started_at
        self._line_processed = 0
        self._next_share = 0.0

    @property
    def processed(self) -> int:
        """Return how many messages have ended in some state."""
        return self._counts.total()

    def settled(self, outcomes: Sequence[Outcome]) -> None:
        """Count the messages of a request whose reply was settled, without those that are planned again."""
        self._counts.update(outcome.state for outcome in outcomes if outcome.state is not MessageState.PLANNED)
        self._changed()

    def in_doubt(self, messages: int) -> None:
        """Count messages that are in doubt."""
        self._counts[MessageState.IN_DOUBT] += messages
        self._changed()

    def describe(self) -> str:
        """Return what has come of the messages so far, such as ``200 of 3,000 recipients processed: 200 accepted``."""
        counts = ", ".join(f"{count:,} {state}" for state, count in self._counts.items())
        return f"{self.processed:,} of {self.to_send:,} recipients processed{counts and ': '}{counts}"

    def describe_end(self) -> str:
        """Return what the attempt has sent, such as ``3,000 recipients processed in 12 s, 250 a second``."""
        if not self.processed:
            return "nothing was left to send"
        seconds = self._clock() - self._started_at
        return f"{self.processed:,} recipients processed in {describe_seconds(seconds)}, " + describe_rate(
            self.processed, seconds
        )

    def _changed(self) -> None:
        self.to_send = max(self.to_send, self.processed)
        if self._show is not None:
            self._show(self)
            return
        now, share = self._clock(), self.processed / self.to_send if self.to_send else 1.0
        if now - self._line_at >= SECONDS_BETWEEN_LINES and self._next_share <= share < 1:
            self._log_line(now)
            self._next_share = (int(share * _SHARES) + 1) / _SHARES

    def _log_line(self, now: float) -> None:
        """Log the counts with the rate since the last line: after a pause, the rate of the whole would mislead."""
        messages, seconds = self.processed - self._line_processed, now - self._line_at
        left = seconds / messages * (self.to_send - self.processed) if messages else 0.0
        log.info(
            "Campaign %s: %s; %s, about %s left.",
            self._campaign,
            self.describe(),
            describe_rate(messages, seconds),
            describe_seconds(left),
        )
        self._line_at, self._line_processed = now, self.processed


ShowProgress = Callable[[Progress], None]


def saying_that_it_takes_long(
    items: Iterable[T], say: Callable[[], None], clock: Callable[[], float] = time.monotonic
) -> Iterator[T]:
    """Yield the items, and call a function once if that has taken more than :data:`SECONDS_BETWEEN_LINES`."""
    due_at: float | None = clock() + SECONDS_BETWEEN_LINES
    for item in items:
        yield item
        if due_at is not None and clock() >= due_at:
            due_at = None
            say()


def describe_rate(count: int, seconds: float) -> str:
    """Return a rate as a text, such as ``250 a second`` or ``12 a minute``."""
    a_second = count / max(seconds, 0.001)
    if a_second < 1:
        return f"{a_second * _MINUTE:.0f} a minute"
    return f"{a_second:,.0f} a second" if a_second >= 10 else f"{a_second:.1f} a second"


def describe_seconds(seconds: float) -> str:
    """Return a duration as a text, such as ``40 s``, ``12 min`` or ``3 h 5 min``."""
    if seconds < 2 * _MINUTE:
        return f"{seconds:.0f} s"
    minutes = round(seconds / _MINUTE)
    if seconds < 2 * _HOUR:
        return f"{minutes} min"
    return f"{minutes // _MINUTE} h {minutes % _MINUTE} min"
