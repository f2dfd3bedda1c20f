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

from airflow_provider_rcs.api.accounts import ReportsConnection
from airflow_provider_rcs.api.errors import RcsError, RcsInputError
from airflow_provider_rcs.receiver.background import CallThread
from airflow_provider_rcs.receiver.responses import NOT_CONFIGURED, UNAUTHORIZED, RequestRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    LookUp: TypeAlias = Callable[[], "Credentials | None"]

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
    """A login and a password: they are compared, never shown.

    :param account: the fingerprint of the account that pushes with them; empty if it is not of one account.
    """

    _login: bytes = field(repr=False)
    _password: bytes = field(repr=False)
    account: str = ""

    @classmethod
    def of(cls, login: str | None, password: str | None, where: str, account: str = "") -> Credentials:
        """Return the credentials for a login and a password.

        :param where: where the two come from, for the error.
        :param account: the fingerprint of the account that pushes with them.
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
        return cls((login or "").encode("utf-8"), (password or "").encode("utf-8"), account)

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
    """Accepts requests with the credentials of a connection; none, as long as no credentials are configured.

    Failures do not lock anyone out: behind a proxy, a stranger's would cost the service's reports.

    :param look_ups: name of a connection -> returns its credentials, or ``None`` if it is not defined; each is called
        in a thread, once a minute.
    """

    def __init__(self, look_ups: Mapping[str, LookUp]) -> None:
        self._connections = [CachedCredentials(conn_id, look_up) for conn_id, look_up in look_ups.items()]
        self._failures = 0
        self._next_line_at = 0.0

    async def check(self, authorization: bytes | None) -> ReportsConnection:
        """Return the connection whose credentials a request has.

        :param authorization: its ``Authorization`` header, or several joined with commas.
        :raises RequestRefusedError: if it may not push reports.
        """
        await self._look_up()
        matching = [(each.conn_id, each.matching(authorization)) for each in self._connections]
        found = {conn_id: credentials for conn_id, credentials in matching if credentials is not None}
        if found:
            return _let_in_by(found)
        # Not that they are wrong: they may be those that cannot be looked up now.
        if any(each.known is None for each in self._connections):
            raise RequestRefusedError(NOT_CONFIGURED)
        self._record_failure()
        raise RequestRefusedError(UNAUTHORIZED)

    async def is_configured(self) -> bool:
        """Return whether requests can be checked: whether credentials are configured and could be looked up."""
        await self._look_up()
        return any(each.known is not None for each in self._connections)

    async def _look_up(self) -> None:
        if due := [each for each in self._connections if each.is_due]:
            # At once, because the client waits.
            await asyncio.gather(*(each.get() for each in due))

    def _record_failure(self) -> None:
        self._failures += 1
        if (now := time.monotonic()) >= self._next_line_at:
            log.warning("Refused %d request(s) with a wrong login or password", self._failures)
            self._failures, self._next_line_at = 0, now + _SECONDS_BETWEEN_LINES


class CachedCredentials:
    """Caches the credentials of a connection for a minute; for an hour, while their look-up fails or hangs.

    ``known`` are the credentials as they were looked up last, or ``None``.

    :param conn_id: the connection, for the log.
    :param look_up: returns the credentials, or ``None`` if none are configured; called in a thread, one call at a time.
    """

    def __init__(self, conn_id: str, look_up: LookUp) -> None:
        self.conn_id = conn_id
        self.known: Credentials | None = None
        self._look_up = look_up
        self._thread = CallThread("rcs-reports-credentials")
        self._looked_up_at = 0.0
        self._next_look_up_at = 0.0
        self._absence_logged = False

    @property
    def is_due(self) -> bool:
        """Whether it is time to look the credentials up."""
        return time.monotonic() >= self._next_look_up_at

    def matching(self, authorization: bytes | None) -> Credentials | None:
        """Return the credentials if an ``Authorization`` header holds them."""
        return self.known if self.known is not None and self.known.match(authorization) else None

    async def get(self) -> Credentials | None:
        """Return the credentials, looked up if that is due; ``None`` if none can be checked against."""
        if self.is_due:
            try:
                async with asyncio.timeout(_LOOK_UP_TIMEOUT):
                    await self._thread.run(self._refresh)
            except TimeoutError:
                self._keep_previous("their look-up takes too long")
        return self.known

    def _refresh(self) -> None:
        if not self.is_due:
            return  # Done for requests that asked at the same time.
        try:
            self._store(self._look_up(), "none are configured")
        except RcsError as error:
            self._store(None, str(error))
        except Exception as error:  # noqa: BLE001 - a secrets backend may raise anything; no request is accepted by it
            self._keep_previous(f"they cannot be looked up ({type(error).__name__})")

    def _store(self, credentials: Credentials | None, reason_for_none: str) -> None:
        now = time.monotonic()
        if credentials and credentials.is_short and credentials != self.known:
            log.warning(
                "The password of %s for reports has fewer than %d characters and can be guessed; "
                "make a longer one with: openssl rand -hex 16",
                self.conn_id,
                _SHORTEST_PASSWORD,
            )
        self.known, self._looked_up_at = credentials, now
        self._next_look_up_at = now + (_SECONDS_TO_NEXT_LOOK_UP if credentials is None else _CACHED_SECONDS)
        if credentials is None and not self._absence_logged:
            log.error(
                "No report is let in by %s, whose login and password are not known: %s", self.conn_id, reason_for_none
            )
        self._absence_logged = credentials is None

    def _keep_previous(self, reason: str) -> None:
        now = time.monotonic()
        if self.known is None or now >= self._looked_up_at + _CACHED_SECONDS_IF_LOOK_UP_FAILS:
            self._store(None, reason)
            return
        self._next_look_up_at = now + _SECONDS_TO_NEXT_LOOK_UP
        log.warning("Still using the previous login and password of %s, because %s", self.conn_id, reason)


def _let_in_by(found: Mapping[str, Credentials]) -> ReportsConnection:
    """Return the connection that a request came by; several that have the same credentials are named together."""
    accounts = {credentials.account for credentials in found.values()}
    return ReportsConnection(", ".join(found), accounts.pop() if len(accounts) == 1 else "")


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
