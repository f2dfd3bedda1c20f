"""The login and password that whoever pushes reports must give, by HTTP Basic authentication."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import compare_digest

from airflow_provider_rcs.api.errors import RcsInputError

_UNSET = ("", "***")  # the connection form of Airflow 3 has saved the latter


@dataclass(frozen=True, slots=True)
class Credentials:
    """A login and a password, kept as digests: they are compared, never shown."""

    _login: bytes = field(repr=False)
    _password: bytes = field(repr=False)

    @classmethod
    def of(cls, login: str | None, password: str | None, where: str) -> Credentials:
        """Return the credentials of a login and a password.

        :param where: where the two come from, for the error.
        :raises RcsInputError: if one of them is missing.
        """
        for name, value in (("login", login), ("password", password)):
            if value is None or value in _UNSET:
                raise RcsInputError(where, f"its {name} is missing, so reports cannot be let in", "Set both.")
        return cls(_digest((login or "").encode("utf-8")), _digest((password or "").encode("utf-8")))

    def match(self, authorization: bytes | None) -> bool:
        """Tell whether an ``Authorization`` header holds these credentials; how long it takes tells nothing."""
        login, password = _read_basic(authorization)
        # Both are compared in any case: an early end would tell that the login was right.
        return compare_digest(_digest(login), self._login) & compare_digest(_digest(password), self._password)


def _digest(value: bytes) -> bytes:
    return sha256(value).digest()


def _read_basic(authorization: bytes | None) -> tuple[bytes, bytes]:
    """Return login and password of a header; empty ones, which never match, if it holds none."""
    scheme, _, token = (authorization or b"").partition(b" ")
    if scheme.lower() != b"basic":
        return b"", b""
    try:
        login, _, password = b64decode(token.strip(), validate=True).partition(b":")
    except ValueError:
        return b"", b""
    return login, password
