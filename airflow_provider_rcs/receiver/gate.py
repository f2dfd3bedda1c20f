"""The gate of the receiver: nobody's reports are read before login and password were found right."""

from __future__ import annotations

from hashlib import sha256
from hmac import compare_digest
from typing import TYPE_CHECKING

from airflow_provider_rcs.receiver.auth import KnownCredentials
from airflow_provider_rcs.receiver.failures import FailureLimit
from airflow_provider_rcs.receiver.responses import NOT_CONFIGURED, TOO_MANY_FAILURES, UNAUTHORIZED, RefusedError

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
        self._let_in: tuple[Credentials, bytes] | None = None

    async def check(self, authorization: bytes | None, address: str) -> None:
        """Let a request in.

        :param authorization: its ``Authorization`` header.
        :param address: where it comes from.
        :raises RefusedError: if it must stay outside.
        """
        known = self._known.fresh() or await self._known.get()
        if known is None:
            raise RefusedError(NOT_CONFIGURED)
        if self._failures.is_over(address):
            raise RefusedError(TOO_MANY_FAILURES)
        if not self._match(known, authorization or b""):
            self._failures.failed(address)
            raise RefusedError(UNAUTHORIZED)
        self._failures.succeeded(address)

    async def is_open(self) -> bool:
        """Tell whether there are credentials to check against."""
        return await self._known.get() is not None

    def _match(self, known: Credentials, authorization: bytes) -> bool:
        """Check a header; how long it takes tells nothing but whether it is the one that was right last."""
        seen = sha256(authorization).digest()
        if self._let_in and self._let_in[0] is known and compare_digest(seen, self._let_in[1]):
            return True
        matches = known.match(authorization)
        if matches:
            self._let_in = known, seen
        return matches
