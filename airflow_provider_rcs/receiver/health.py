"""Whether the receiver would take a report now; however often it is asked, the store is asked once a second."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import sqlalchemy as sa

from airflow_provider_rcs.receiver.group_commit import SharedCommits
from airflow_provider_rcs.store.engine import reading

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider_rcs.receiver.spool import Spool

_SECONDS_TO_BELIEVE_IT = 1.0
_SECONDS_TO_ANSWER = 0.5


class Readiness:
    """Tells whether the store answers, or else the spool has room.

    :param engine: gives the store's engine; called in a thread.
    """

    def __init__(self, engine: Callable[[], sa.Engine], spool: Spool | None) -> None:
        self._engine = engine
        self._spool = spool
        self._asking = SharedCommits(self._ask, "health check")
        self._ready = False
        self._ask_again_at = 0.0

    async def is_ready(self) -> bool:
        """Tell it."""
        if time.monotonic() >= self._ask_again_at:
            self._ask_again_at = time.monotonic() + _SECONDS_TO_BELIEVE_IT
            self._ready = await self._store_answers() or (self._spool is not None and self._spool.has_room())
        return self._ready

    async def _store_answers(self) -> bool:
        try:
            await self._asking.commit(None, _SECONDS_TO_ANSWER)
        except Exception:  # noqa: BLE001 - whatever it is, the store does not answer
            return False
        return True

    def _ask(self, _questions: Sequence[None]) -> None:
        with reading(self._engine()) as connection:
            connection.execute(sa.select(1))
