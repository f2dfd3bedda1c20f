"""The progress of a campaign in the task's log: one line every few seconds, not one for each request."""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Sequence

from airflow_provider_rcs.api.models import Outcome
from airflow_provider_rcs.api.statuses import MessageState

log = logging.getLogger(__name__)

_SECONDS_BETWEEN_LINES = 5.0


class Progress:
    """Counts the messages of one attempt by the state that they end in, and logs the counts every few seconds.

    :param campaign: the campaign's name.
    :param listed: how many recipients the attempt's list has.
    """

    def __init__(self, campaign: str, listed: int) -> None:
        self._campaign = campaign
        self._listed = listed
        self._counts: Counter[MessageState] = Counter()
        self._next_line = time.monotonic() + _SECONDS_BETWEEN_LINES

    def settled(self, outcomes: Sequence[Outcome]) -> None:
        """Count the messages of a request whose reply was settled, without those that are planned again."""
        self._counts.update(outcome.state for outcome in outcomes if outcome.state is not MessageState.PLANNED)
        self._log_when_due()

    def in_doubt(self, messages: int) -> None:
        """Count messages that are in doubt."""
        self._counts[MessageState.IN_DOUBT] += messages
        self._log_when_due()

    def describe(self) -> str:
        """Return what has come of the messages so far, such as ``200 of 3000 recipients processed: 200 accepted``."""
        counts = ", ".join(f"{count} {state}" for state, count in self._counts.items())
        return f"{self._counts.total()} of {self._listed} recipients processed{counts and ': '}{counts}"

    def _log_when_due(self) -> None:
        if time.monotonic() < self._next_line:
            return
        self._next_line = time.monotonic() + _SECONDS_BETWEEN_LINES
        log.info("Campaign %s: %s", self._campaign, self.describe())
