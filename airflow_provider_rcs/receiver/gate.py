"""The gate of the receiver: nobody's reports are read before login and password were found right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_rcs.receiver.answers import NOT_CONFIGURED, TOO_MANY_FAILURES, UNAUTHORIZED, RefusedError
from airflow_provider_rcs.receiver.failures import FailureLimit
from airflow_provider_rcs.receiver.known_credentials import KnownCredentials

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_rcs.receiver.credentials import Credentials


class Gate:
    """Lets in who gives the right credentials; nobody, as long as there are none to check against.

    :param look_up: gives the credentials, or ``None`` where none are configured; called in a thread, now and then.
    """

    def __init__(self, look_up: Callable[[], Credentials | None]) -> None:
        self._known = KnownCredentials(look_up)
        self._failures = FailureLimit()

    async def check(self, authorization: bytes | None, address: str) -> None:
        """Let a request in.

        :param authorization: its ``Authorization`` header.
        :param address: where it comes from.
        :raises RefusedError: if it must stay outside.
        """
        known = await self._known.get()
        if known is None:
            raise RefusedError(NOT_CONFIGURED)
        if self._failures.is_over(address):
            raise RefusedError(TOO_MANY_FAILURES)
        if not known.match(authorization):
            self._failures.failed(address)
            raise RefusedError(UNAUTHORIZED)
        self._failures.succeeded(address)

    async def is_open(self) -> bool:
        """Tell whether there are credentials to check against."""
        return await self._known.get() is not None
