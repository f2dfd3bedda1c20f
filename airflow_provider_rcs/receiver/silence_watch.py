"""Silence: once a minute the receiver looks whether a campaign should have had reports by now, and has none."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from airflow_provider_rcs.api.errors import RcsError
from airflow_provider_rcs.receiver.threads import BackgroundThread
from airflow_provider_rcs.store.reporting import read_new_silences, silence_told
from airflow_provider_rcs.store.silences import SILENT, note_told

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa

    from airflow_provider_rcs.receiver.metrics import Counters

log = logging.getLogger(__name__)

_SECONDS_BETWEEN_LOOKS = 60.0
# All of them as one, so that of several processes one tells.
_TOLD_TO = "the receivers"


class SilenceWatch:
    """Marks each campaign on which no report comes, once, in the log and in a counter.

    :param engine: gives the store's engine; called in a thread.
    :param counters: told of each.
    """

    def __init__(self, engine: Callable[[], sa.Engine], counters: Counters) -> None:
        self._engine = engine
        self._counters = counters
        self._thread = BackgroundThread(self._work, "rcs-reports-silence")

    def begin(self) -> None:
        """Have it look from now on; returns at once."""
        self._thread.ensure_started()

    def _work(self) -> None:
        while True:
            time.sleep(_SECONDS_BETWEEN_LOOKS)
            try:
                self._look(self._engine())
            except RcsError:
                # Those who need the store tell that it is away; the next look may find it.
                continue
            except Exception as error:  # noqa: BLE001 - the reports do not hang on it, and the next look tries again
                log.error("Silent campaigns could not be looked for: %s", type(error).__name__)  # noqa: TRY400

    def _look(self, engine: sa.Engine) -> None:
        for campaign, since in read_new_silences(engine, _TOLD_TO, datetime.now(UTC)).items():
            if note_told(engine, campaign, _TOLD_TO):
                log.warning("Reports are taken here, but %s", silence_told(campaign, since))
                self._counters.count(SILENT)
