"""HTTP Basic authentication of pushed requests, with a limit on failures per client address."""

from __future__ import annotations

import logging
import time
from base64 import b64decode
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from hmac import compare_digest
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING, Any

from airflow_provider_rcs.api.errors import RcsError, RcsInputError
from airflow_provider_rcs.receiver.group_commit import GroupCommit
from airflow_provider_rcs.receiver.responses import (
    NOT_CONFIGURED,
    TOO_MANY_FAILURES,
    UNAUTHORIZED,
    RequestRefusedError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

log = logging.getLogger(__name__)

_UNSET = ("", "***")  # Airflow 3's connection form has saved the latter
_CACHED_SECONDS = 60.0
_SECONDS_TO_NEXT_LOOK_UP = 5.0
# The client waits for the look-up, and must get its response within a second.
_LOOK_UP_TIMEOUT = 0.4
# A service that pushes only once must not lose reports because Airflow's database is unavailable for a while.
_CACHED_SECONDS_IF_LOOK_UP_FAILS = 3600.0
_MAX_FAILURES = 20
_FAILURE_WINDOW_SECONDS = 60.0
_MAX_ADDRESSES = 10_000
# Addresses that logged in lately are never blocked: behind a proxy that is not configured as trusted, all clients share
# its address, and a stranger's failures would cost the service's reports.
_GRACE_SECONDS = 24 * 3600.0
_FORWARDED_FOR = b"x-forwarded-for"
# A client with one IPv6 address has the 2**64 addresses beside it as well.
_IPV6_CLIENT_PREFIX = 64


@dataclass(frozen=True, slots=True)
class Credentials:
    """A login and a password, stored as digests: they are compared, never shown."""

    _login: bytes = field(repr=False)
    _password: bytes = field(repr=False)

    @classmethod
    def of(cls, login: str | None, password: str | None, where: str) -> Credentials:
        """Return the credentials for a login and a password.

        :param where: where the two come from, for the error.
        :raises RcsInputError: if one of them is missing.
        """
        for name, value in (("login", login), ("password", password)):
            if value is None or value in _UNSET:
                raise RcsInputError(where, f"its {name} is missing, so no report can be accepted", "Set both.")
        return cls(_digest((login or "").encode("utf-8")), _digest((password or "").encode("utf-8")))

    def match(self, authorization: bytes | None) -> bool:
        """Return whether an ``Authorization`` header holds these credentials, in constant time."""
        login, password = _read_basic(authorization)
        # Both are always compared: returning early would reveal that the login was right.
        return compare_digest(_digest(login), self._login) & compare_digest(_digest(password), self._password)


class Authenticator:
    """Accepts requests with the right credentials; none, as long as no credentials are configured.

    :param look_up: returns the credentials, or ``None`` if none are configured; called in a thread, once a minute.
    """

    def __init__(self, look_up: Callable[[], Credentials | None]) -> None:
        self._credentials = CachedCredentials(look_up)
        self._failures = FailedLoginLimit()
        self._accepted: tuple[Credentials, bytes] | None = None

    async def check(self, authorization: bytes | None, address: str) -> None:
        """Raise an error unless a request may push reports.

        :param authorization: its ``Authorization`` header.
        :param address: the client's address.
        :raises RequestRefusedError: if it may not.
        """
        credentials = self._credentials.cached() or await self._credentials.get()
        if credentials is None:
            raise RequestRefusedError(NOT_CONFIGURED)
        if self._failures.blocks(address):
            raise RequestRefusedError(TOO_MANY_FAILURES)
        if not self._match(credentials, authorization or b""):
            self._failures.record_failure(address)
            raise RequestRefusedError(UNAUTHORIZED)
        self._failures.record_success(address)

    async def is_configured(self) -> bool:
        """Return whether requests can be checked: whether credentials are configured and could be looked up."""
        return await self._credentials.get() is not None

    def _match(self, credentials: Credentials, authorization: bytes) -> bool:
        """Check a header; the time it takes reveals only whether it equals the one that was accepted last."""
        digest = _digest(authorization)
        if self._accepted and self._accepted[0] is credentials and compare_digest(digest, self._accepted[1]):
            return True
        matches = credentials.match(authorization)
        if matches:
            self._accepted = credentials, digest
        return matches


class CachedCredentials:
    """Caches credentials for a minute; for an hour, while their look-up fails or hangs.

    :param look_up: returns the credentials, or ``None`` if none are configured; called in a thread, one call at a time.
    """

    def __init__(self, look_up: Callable[[], Credentials | None]) -> None:
        self._look_up = look_up
        self._look_ups = GroupCommit(self._refresh, "credentials look-up")
        self._credentials: Credentials | None = None
        self._looked_up_at = 0.0
        self._next_look_up_at = 0.0
        self._absence_logged = False

    def cached(self) -> Credentials | None:
        """Return the credentials unless a look-up is due; ``None`` if :meth:`get` must be called."""
        return self._credentials if time.monotonic() < self._next_look_up_at else None

    async def get(self) -> Credentials | None:
        """Return the credentials, looked up if that is due; ``None`` if none can be checked against."""
        if time.monotonic() >= self._next_look_up_at:
            try:
                await self._look_ups.commit(None, _LOOK_UP_TIMEOUT)
            except TimeoutError:
                self._keep_previous("their look-up takes too long")
        return self._credentials

    def _refresh(self, _requests: Sequence[None]) -> None:
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


class FailedLoginLimit:
    """Blocks addresses with too many failures in a minute; remembers a bounded number of addresses."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._successes: OrderedDict[str, float] = OrderedDict()

    def blocks(self, address: str) -> bool:
        """Return whether an address has failed too often."""
        first_at, failures = self._failures.get(address, (0.0, 0))
        if failures < _MAX_FAILURES:
            return False
        now = time.monotonic()
        if now >= first_at + _FAILURE_WINDOW_SECONDS:
            del self._failures[address]
            return False
        return now >= self._successes.get(address, -_GRACE_SECONDS) + _GRACE_SECONDS

    def record_failure(self, address: str) -> None:
        """Record that login or password were wrong."""
        first_at, failures = self._failures.get(address, (0.0, 0))
        now = time.monotonic()
        if now >= first_at + _FAILURE_WINDOW_SECONDS:
            first_at, failures = now, 0
        self._failures[address] = (first_at, failures + 1)
        _drop_oldest(self._failures)

    def record_success(self, address: str) -> None:
        """Record that login and password were right."""
        self._successes[address] = time.monotonic()
        self._successes.move_to_end(address)
        _drop_oldest(self._successes)


class TrustedProxies:
    """The proxies whose ``X-Forwarded-For`` header is used.

    :param networks: their addresses or networks; without any, the header is ignored.
    """

    def __init__(self, networks: Iterable[IPv4Network | IPv6Network] = ()) -> None:
        self._networks = tuple(networks)

    @classmethod
    def parse(cls, text: str, where: str) -> TrustedProxies:
        """Return the proxies of a comma-separated list.

        :param where: where the list comes from, for the error.
        :raises RcsInputError: if an entry is not an address or a network.
        """
        names = [name.strip() for name in text.split(",") if name.strip()]
        try:
            return cls([ip_network(name) for name in names])
        except ValueError as error:
            raise RcsInputError(where, str(error), "List addresses or networks, such as 10.0.0.0/8.") from None

    def client_address(self, scope: Mapping[str, Any]) -> str:
        """Return the address of a request's client; for IPv6, its network."""
        peer = scope.get("client")
        address = _read_address(str(peer[0])) if peer else None
        if self._networks and self._trusts(address):
            address = self._forwarded_address(scope["headers"]) or address
        return _name_address(address)

    def _forwarded_address(self, headers: Iterable[tuple[bytes, bytes]]) -> IPv4Address | IPv6Address | None:
        """Return the last address of the header that is not a trusted proxy; clients can forge the ones before it."""
        listed = b",".join(value for name, value in headers if name == _FORWARDED_FOR).decode("latin-1")
        for name in reversed(listed.split(",")):
            address = _read_address(name.strip())
            if address is None:
                return None
            if not self._trusts(address):
                return address
        return None

    def _trusts(self, address: IPv4Address | IPv6Address | None) -> bool:
        # A request without an address came over a Unix socket, which only this machine can reach.
        return address is None or any(address in network for network in self._networks)


def _digest(value: bytes) -> bytes:
    return sha256(value).digest()


def _read_basic(authorization: bytes | None) -> tuple[bytes, bytes]:
    """Return the login and password of a header; if it holds none, empty ones, which never match."""
    scheme, _, token = (authorization or b"").partition(b" ")
    if scheme.lower() != b"basic":
        return b"", b""
    try:
        login, _, password = b64decode(token.strip(), validate=True).partition(b":")
    except ValueError:
        return b"", b""
    return login, password


def _drop_oldest(addresses: OrderedDict[str, Any]) -> None:
    while len(addresses) > _MAX_ADDRESSES:
        addresses.popitem(last=False)


@lru_cache(maxsize=1024)
def _read_address(name: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(name)
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


@lru_cache(maxsize=1024)
def _name_address(address: IPv4Address | IPv6Address | None) -> str:
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, _IPV6_CLIENT_PREFIX), strict=False))
    return str(address)
