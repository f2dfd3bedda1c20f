"""The gate of the receiver: nobody's reports are read before login and password were found right."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from airflow_provider_rcs.api.errors import RcsError
from airflow_provider_rcs.receiver.answers import NOT_CONFIGURED, TOO_MANY_FAILURES, UNAUTHORIZED, RefusedError
from airflow_provider_rcs.receiver.failures import FailureLimit

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_rcs.receiver.credentials import Credentials

log = logging.getLogger(__name__)

_SECONDS_TO_KEEP = 60.0
_SECONDS_TO_THE_NEXT_LOOK = 5.0


class Gate:
    """Lets in who gives the right credentials; nobody, as long as there are none to check against.

    :param look_up: gives the credentials, or ``None`` where none are configured. It is called in a thread, once a
        minute, so that a changed password is noticed; every few seconds while it has nothing to give.
    """

    def __init__(self, look_up: Callable[[], Credentials | None]) -> None:
        self._look_up = look_up
        self._known: Credentials | None = None
        self._look_again_at = 0.0
        self._looking = asyncio.Lock()
        self._said_why = False
        self._failures = FailureLimit()

    async def check(self, authorization: bytes | None, address: str) -> None:
        """Let a request in.

        :param authorization: its ``Authorization`` header.
        :param address: where it comes from.
        :raises RefusedError: if it must stay outside.
        """
        known = await self.credentials()
        if known is None:
            raise RefusedError(NOT_CONFIGURED)
        if self._failures.is_over(address):
            raise RefusedError(TOO_MANY_FAILURES)
        if not known.match(authorization):
            self._failures.failed(address)
            raise RefusedError(UNAUTHORIZED)
        self._failures.succeeded(address)

    async def credentials(self) -> Credentials | None:
        """Return the credentials, looked up if it is time to."""
        if time.monotonic() < self._look_again_at:
            return self._known
        async with self._looking:
            if time.monotonic() >= self._look_again_at:
                self._known = await self._look()
                self._look_again_at = time.monotonic() + (
                    _SECONDS_TO_THE_NEXT_LOOK if self._known is None else _SECONDS_TO_KEEP
                )
        return self._known

    async def _look(self) -> Credentials | None:
        try:
            found, why = await asyncio.to_thread(self._look_up), "none are configured"
        except RcsError as error:
            found, why = None, str(error)
        except Exception as error:  # noqa: BLE001 - whatever a secrets backend raises, the gate stays shut
            found, why = None, f"they cannot be looked up ({type(error).__name__})"
        if found is None and not self._said_why:
            log.error("All reports are refused, because there is no login and password to check: %s", why)
        self._said_why = found is None
        return found
