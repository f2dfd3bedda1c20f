"""Progress of a campaign in the task's log: not a line for each request, but one every few seconds."""

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
    """Counts what becomes of the messages of one attempt, and logs it now and then.

    :param campaign: the campaign's name.
    :param listed: how many recipients the attempt's list has.
    """

    def __init__(self, campaign: str, listed: int) -> None:
        self._campaign = campaign
        self._listed = listed
        self._counts: Counter[MessageState] = Counter()
        self._next_line = time.monotonic() + _SECONDS_BETWEEN_LINES

    def settled(self, outcomes: Sequence[Outcome]) -> None:
        """Count the recipients of a request that was answered."""
        self._counts.update(outcome.state for outcome in outcomes)
        self._log_now_and_then()

    def doubted(self, messages: int) -> None:
        """Count messages that are in doubt."""
        self._counts[MessageState.IN_DOUBT] += messages
        self._log_now_and_then()

    def _log_now_and_then(self) -> None:
        if time.monotonic() >= self._next_line:
            self._next_line = time.monotonic() + _SECONDS_BETWEEN_LINES
            counts = ", ".join(f"{count} {state}" for state, count in self._counts.items())
            log.info(
                "Campaign %s: %d of %d listed so far: %s", self._campaign, self._counts.total(), self._listed, counts
            )
