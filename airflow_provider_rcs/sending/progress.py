"""The progress of a campaign: one line of the log every few seconds, or what shows it instead."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence

from airflow_provider_rcs.api.models import Outcome
from airflow_provider_rcs.api.statuses import MessageState

log = logging.getLogger(__name__)

_SECONDS_BETWEEN_LINES = 5.0


class Progress:
    """Counts the messages of one attempt by the state that they end in, and shows the counts.

    :param campaign: the campaign's name.
    :param listed: how many recipients the attempt's list has.
    :param show: is given the counts whenever they have changed, in the thread that sends, which it must not hold up; by
        default they are logged every few seconds.
    """

    def __init__(self, campaign: str, listed: int, show: ShowProgress | None = None) -> None:
        self._campaign = campaign
        self._show = show
        self.listed = listed
        self._counts: Counter[MessageState] = Counter()
        self._next_line = time.monotonic() + _SECONDS_BETWEEN_LINES

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
        """Return what has come of the messages so far, such as ``200 of 3000 recipients processed: 200 accepted``."""
        counts = ", ".join(f"{count} {state}" for state, count in self._counts.items())
        return f"{self.processed} of {self.listed} recipients processed{counts and ': '}{counts}"

    def _changed(self) -> None:
        if self._show is not None:
            self._show(self)
        elif time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + _SECONDS_BETWEEN_LINES
            log.info("Campaign %s: %s", self._campaign, self.describe())


ShowProgress = Callable[[Progress], None]
