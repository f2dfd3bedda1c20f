"""The credentials to check against, looked up now and then, by a look-up that may fail or hang."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from airflow_provider_rcs.api.errors import RcsError
from airflow_provider_rcs.receiver.group_commit import SharedCommits

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from airflow_provider_rcs.receiver.credentials import Credentials

log = logging.getLogger(__name__)

_SECONDS_TO_KEEP = 60.0
_SECONDS_TO_THE_NEXT_LOOK = 5.0
# Whoever pushes waits for it, and is to be answered within a second.
_SECONDS_TO_WAIT = 0.4
# A service that knocks once only must not lose reports because Airflow's database is away for a while.
_SECONDS_TO_TRUST_WITHOUT_A_LOOK = 3600.0


class KnownCredentials:
    """Remembers credentials for a minute; for an hour, while their look-up fails or hangs.

    :param look_up: gives the credentials, or ``None`` where none are configured. It is called in a thread, one call at
        a time.
    """

    def __init__(self, look_up: Callable[[], Credentials | None]) -> None:
        self._look_up = look_up
        self._looks = SharedCommits(self._look, "credentials")
        self._known: Credentials | None = None
        self._looked_at = 0.0
        self._look_again_at = 0.0
        self._said_why = False

    def fresh(self) -> Credentials | None:
        """Return the credentials if they need no look-up now; ``None`` if :meth:`get` must be asked."""
        return self._known if time.monotonic() < self._look_again_at else None

    async def get(self) -> Credentials | None:
        """Return the credentials, looked up if it is time to; ``None`` if there are none to check against."""
        if time.monotonic() >= self._look_again_at:
            try:
                await self._looks.commit(None, _SECONDS_TO_WAIT)
            except TimeoutError:
                self._keep_for_a_while("their look-up takes too long")
        return self._known

    def _look(self, _requests: Sequence[None]) -> None:
        if time.monotonic() < self._look_again_at:
            return  # Done for others who asked at the same time.
        try:
            self._note(self._look_up(), "none are configured")
        except RcsError as error:
            self._note(None, str(error))
        except Exception as error:  # noqa: BLE001 - whatever a secrets backend raises, it lets nobody in
            self._keep_for_a_while(f"they cannot be looked up ({type(error).__name__})")

    def _note(self, found: Credentials | None, why_not: str) -> None:
        now = time.monotonic()
        self._known, self._looked_at = found, now
        self._look_again_at = now + (_SECONDS_TO_THE_NEXT_LOOK if found is None else _SECONDS_TO_KEEP)
        if found is None and not self._said_why:
            log.error("All reports are refused, because there is no login and password to check: %s", why_not)
        self._said_why = found is None

    def _keep_for_a_while(self, why: str) -> None:
        now = time.monotonic()
        if self._known is None or now >= self._looked_at + _SECONDS_TO_TRUST_WITHOUT_A_LOOK:
            self._note(None, why)
            return
        self._look_again_at = now + _SECONDS_TO_THE_NEXT_LOOK
        log.warning("The login and password to check against are those of before, because %s", why)
