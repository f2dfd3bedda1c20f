"""Folding in the background: what has landed becomes statuses while the next reports are taken."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from airflow_provider_rcs.api.errors import RcsError
from airflow_provider_rcs.receiver.threads import BackgroundThread
from airflow_provider_rcs.store.folding import fold

if TYPE_CHECKING:
    from collections.abc import Callable

    import sqlalchemy as sa

log = logging.getLogger(__name__)

# One fold of many reports costs less than many folds of few, and on SQLite a fold holds up the commits of reports.
_SECONDS_BETWEEN_FOLDS = 0.5


class BackgroundFolding:
    """Folds in a thread, one fold at a time; again, if reports landed meanwhile.

    :param engine: gives the store's engine.
    """

    def __init__(self, engine: Callable[[], sa.Engine]) -> None:
        self._engine = engine
        self._due = threading.Event()
        self._thread = BackgroundThread(self._work, "rcs-reports-fold")

    def wake(self) -> None:
        """Have it fold, soon; returns at once."""
        self._due.set()
        self._thread.ensure_started()

    def _work(self) -> None:
        while True:
            self._due.wait()
            # Cleared before the fold: what lands during it may be too late for it.
            self._due.clear()
            self._fold()
            time.sleep(_SECONDS_BETWEEN_FOLDS)

    def _fold(self) -> None:
        try:
            fold(self._engine())
        except RcsError as error:
            log.error("Reports landed but could not be folded, which is tried again: %s", error)  # noqa: TRY400
        except Exception as error:  # noqa: BLE001 - the reports are safe, and the next landing tries again
            log.error("Reports landed but could not be folded, which is tried again: %s", type(error).__name__)  # noqa: TRY400
