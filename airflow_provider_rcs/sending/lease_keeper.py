"""A thread that renews an attempt's lease while the attempt works."""

from __future__ import annotations

import logging
import threading
from types import TracebackType

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsFencedError, RcsStoreUnavailable
from airflow_provider_rcs.store.attempts import Attempt, renew_lease

log = logging.getLogger(__name__)

_RENEWALS_A_LEASE = 3


class LeaseKeeper:
    """Renews the lease until the block ends; stops by itself once the lease is lost."""

    def __init__(self, engine: sa.Engine, attempt: Attempt) -> None:
        self._engine = engine
        self._attempt = attempt
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="rcs-lease", daemon=True)

    def __enter__(self) -> LeaseKeeper:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _renew(self) -> None:
        pause = self._attempt.lease.total_seconds() / _RENEWALS_A_LEASE
        while not self._over.wait(pause):
            try:
                renew_lease(self._engine, self._attempt)
            except RcsFencedError:
                return  # The next claim fails on it, in the transaction that would have claimed more.
            except RcsStoreUnavailable as error:
                log.warning("The lease could not be renewed: %s", error)
