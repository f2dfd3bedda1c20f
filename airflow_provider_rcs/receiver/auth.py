"""HTTP Basic authentication of pushed requests."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from base64 import b64decode
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import TYPE_CHECKING

from airflow_provider_rcs.api.errors import RcsError, RcsInputError
from airflow_provider_rcs.receiver.background import CallThread
from airflow_provider_rcs.receiver.responses import NOT_CONFIGURED, UNAUTHORIZED, RequestRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

_UNSET = ("", "***")  # Airflow 3's connection form has saved the latter
_CACHED_SECONDS = 60.0
_SECONDS_TO_NEXT_LOOK_UP = 5.0
# The client waits for the look-up, and must get its response within a second.
_LOOK_UP_TIMEOUT = 0.4
# A service that pushes only once must not lose reports because Airflow's database is unavailable for a while.
_CACHED_SECONDS_IF_LOOK_UP_FAILS = 3600.0
_SECONDS_BETWEEN_LINES = 60.0
# A longer token is wrong without being decoded.
_MAX_TOKEN_BYTES = 4096
_SHORTEST_PASSWORD = 16
_CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")  # RFC 7617 forbids them.


@dataclass(frozen=True, slots=True)
class Credentials:
    """A login and a password: they are compared, never shown."""

    _login: bytes = field(repr=False)
    _password: bytes = field(repr=False)

    @classmethod
    def of(cls, login: str | None, password: str | None, where: str) -> Credentials:
        """Return the credentials for a login and a password.

        :param where: where the two come from, for the error.
        :raises RcsInputError: if one of them is missing, or cannot be sent by HTTP Basic authentication.
        """
        for name, value in (("login", login), ("password", password)):
            if value is None or value in _UNSET:
                raise RcsInputError(where, f"its {name} is missing, so no report can be accepted", "Set both.")
            if _CONTROL_CHARACTER.search(value):
                raise RcsInputError(
                    where,
                    f"its {name} contains a line break or another control character, which no request can send",
                    "Remove it; a file or a secret often ends with a line break.",
                )
        if ":" in (login or ""):
            raise RcsInputError(
                where,
                "its login contains a colon, at which a request's login ends, so no report can be accepted",
                "Choose a login without a colon.",
            )
        return cls((login or "").encode("utf-8"), (password or "").encode("utf-8"))

    @property
    def is_short(self) -> bool:
        """Whether the password is short enough to be guessed."""
        return len(self._password) < _SHORTEST_PASSWORD

    def match(self, authorization: bytes | None) -> bool:
        """Return whether an ``Authorization`` header holds these credentials, in constant time.

        :param authorization: the header, or several joined with commas. Only the credentials of the scheme Basic count;
            if there are different ones, none of them does.
        """
        login, password = _read_basic(authorization)
        # Both are always compared: returning early would reveal that the login was right.
        return compare_digest(login, self._login) & compare_digest(password, self._password)


class Authenticator:
    """Accepts requests with the right credentials; none, as long as no credentials are configured.

    Failures do not lock anyone out: behind a proxy, a stranger's would cost the service's reports.

    :param look_up: returns the credentials, or ``None`` if none are configured; called in a thread, once a minute.
    """

    def __init__(self, look_up: Callable[[], Credentials | None]) -> None:
        self._credentials = CachedCredentials(look_up)
        self._failures = 0
        self._next_line_at = 0.0

    async def check(self, authorization: bytes | None) -> None:
        """Raise an error unless a request may push reports.

        :param authorization: its ``Authorization`` header, or several joined with commas.
        :raises RequestRefusedError: if it may not.
        """
        credentials = await self._credentials.get()
        if credentials is None:
            raise RequestRefusedError(NOT_CONFIGURED)
        if not credentials.match(authorization):
            self._record_failure()
            raise RequestRefusedError(UNAUTHORIZED)

    async def is_configured(self) -> bool:
        """Return whether requests can be checked: whether credentials are configured and could be looked up."""
        return await self._credentials.get() is not None

    def _record_failure(self) -> None:
        self._failures += 1
        if (now := time.monotonic()) >= self._next_line_at:
            log.warning("Refused %d request(s) with a wrong login or password", self._failures)
            self._failures, self._next_line_at = 0, now + _SECONDS_BETWEEN_LINES


class CachedCredentials:
    """Caches credentials for a minute; for an hour, while their look-up fails or hangs.

    :param look_up: returns the credentials, or ``None`` if none are configured; called in a thread, one call at a time.
    """

    def __init__(self, look_up: Callable[[], Credentials | None]) -> None:
        self._look_up = look_up
        self._thread = CallThread("rcs-reports-credentials")
        self._credentials: Credentials | None = None
        self._looked_up_at = 0.0
        self._next_look_up_at = 0.0
        self._absence_logged = False

    async def get(self) -> Credentials | None:
        """Return the credentials, looked up if that is due; ``None`` if none can be checked against."""
        if time.monotonic() >= self._next_look_up_at:
            try:
                async with asyncio.timeout(_LOOK_UP_TIMEOUT):
                    await self._thread.run(self._refresh)
            except TimeoutError:
                self._keep_previous("their look-up takes too long")
        return self._credentials

    def _refresh(self) -> None:
        if time.monotonic() < self._next_look_up_at:
            return  # Done for requests that asked at the same time.
        try:
            self._store(self._look_up(), "none are configured")
        except RcsError as error:
            self._store(None, str(error))
        except Exception as error:  # noqa: BLE001 - a secrets backend may raise anything; no request is accepted by it
            self._keep_previous(f"they cannot be looked up ({type(error).__name__})")

    def _store(self, credentials: Credentials | None, reason_for_none: str) -> None:
        now = time.monotonic()
        if credentials and credentials.is_short and credentials != self._credentials:
            log.warning(
                "The password for reports has fewer than %d characters and can be guessed; "
                "make a longer one with: openssl rand -hex 16",
                _SHORTEST_PASSWORD,
            )
        self._credentials, self._looked_up_at = credentials, now
        self._next_look_up_at = now + (_SECONDS_TO_NEXT_LOOK_UP if credentials is None else _CACHED_SECONDS)
        if credentials is None and not self._absence_logged:
            log.error("All reports are refused, because no login and password are known: %s", reason_for_none)
        self._absence_logged = credentials is None

    def _keep_previous(self, reason: str) -> None:
        now = time.monotonic()
        if self._credentials is None or now >= self._looked_up_at + _CACHED_SECONDS_IF_LOOK_UP_FAILS:
            self._store(None, reason)
            return
        self._next_look_up_at = now + _SECONDS_TO_NEXT_LOOK_UP
        log.warning("Still using the previous login and password, because %s", reason)


def _read_basic(authorization: bytes | None) -> tuple[bytes, bytes]:
    """Return the login and password of a header; if it holds none, or different ones, empty ones, which never match."""
    # Neither the tokens of Basic nor those of Bearer contain a comma.
    schemes = [each.strip().partition(b" ") for each in (authorization or b"").split(b",")]
    tokens = {token.strip() for scheme, _, token in schemes if scheme.lower() == b"basic"}
    if len(tokens) != 1 or len(token := tokens.pop()) > _MAX_TOKEN_BYTES:
        return b"", b""
    try:
        login, _, password = b64decode(token, validate=True).partition(b":")
    except ValueError:
        return b"", b""
    return login, password
