"""The base URL of the service, from the fields into which Airflow splits a connection, or its URI."""

from __future__ import annotations

from ipaddress import IPv6Address
from urllib.parse import SplitResult, urlsplit

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.wire.calls import DEFAULT_BASE_URL

_HOST = "host of the connection"
_SCHEMA = "schema of the connection"
_LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_IN_HOST = f"Put the whole base URL into host, such as {DEFAULT_BASE_URL}, and leave schema empty."


def read_base_url(host: str | None, schema: str | None, port: int | None) -> str:
    """Return the base URL, without a slash at its end and without the port that its scheme has anyway.

    :param host: a host, with or without ``https://``, a port and a path; unset means the default base URL.
    :param schema: what Airflow makes of a URI's path. ``http`` or ``https`` alone is a scheme, as it is in connections
        for HTTP; anything else is the path.
    :param port: the port, unless the host holds one.
    :raises RcsInputError: if host or schema cannot be used, or if they disagree.
    """
    scheme, path = _scheme_and_path(schema)
    parts, port_of_url = _split(_url(host, scheme))
    if scheme and scheme != parts.scheme:
        raise RcsInputError(_SCHEMA, f"it is {scheme!r}, but the host begins with {parts.scheme}://", _IN_HOST)
    own_path = "" if is_unset(host) else parts.path.strip("/")
    if path and own_path not in ("", path):
        raise RcsInputError(_SCHEMA, f"it is the path {path!r}, but the host has the path {own_path!r}", _IN_HOST)
    path = path or parts.path.strip("/")
    netloc = parts.netloc
    if port_of_url is not None and port_of_url == _DEFAULT_PORTS.get(parts.scheme):
        netloc = netloc.rpartition(":")[0]
    elif port and port_of_url is None and port != _DEFAULT_PORTS.get(parts.scheme):
        netloc = f"{netloc}:{port}"
    return parts._replace(netloc=netloc, path=f"/{path}" if path else "").geturl()


def check_base_url(url: str) -> None:
    """Check that credentials sent to a base URL are encrypted, and that a call's path can follow it.

    :raises RcsInputError: if it is neither https nor on loopback, or if it contains credentials or a query.
    """
    parts, _ = _split(url)
    if not parts.hostname:
        raise _no_url()
    if parts.username or parts.password:
        raise RcsInputError(_HOST, "it holds credentials", "Put them in login (API User) and password (API Token).")
    if parts.scheme != "https" and parts.hostname not in _LOOPBACK_HOSTS:
        raise RcsInputError(_HOST, f"{parts.scheme}://{parts.hostname} is not https", "Use an https:// base URL.")
    if parts.query or parts.fragment:
        raise RcsInputError(_HOST, "it has a part after ? or #", f"Use a base URL such as {DEFAULT_BASE_URL}.")


def is_unset(value: object) -> bool:
    """Return whether a connection's field is not set: Airflow 3's form has saved each of these for one left alone."""
    return value in (None, "", "***")


def _scheme_and_path(schema: str | None) -> tuple[str, str]:
    text = "" if is_unset(schema) else str(schema).strip("/")
    first, slash, _ = text.partition("/")
    scheme = first.lower().removesuffix(":")
    if scheme not in _DEFAULT_PORTS:
        return "", text
    if slash:
        raise RcsInputError(_SCHEMA, f"{first} can be read as a scheme or as a part of the path", _IN_HOST)
    return scheme, ""


def _url(host: str | None, scheme: str) -> str:
    if is_unset(host):
        return f"{scheme}://{DEFAULT_BASE_URL.partition('://')[2]}" if scheme else DEFAULT_BASE_URL
    text = str(host)
    before, separator, rest = text.partition("://") if "://" in text else (scheme or "https", "://", text)
    address, slash, path = rest.partition("/")
    return f"{before}{separator}{_in_brackets(address)}{slash}{path}"


def _in_brackets(address: str) -> str:
    """Return a host as a URL has it: Airflow takes the brackets of an IPv6 address away."""
    try:
        return f"[{IPv6Address(address)}]"
    except ValueError:
        return address


def _split(url: str) -> tuple[SplitResult, int | None]:
    try:
        return urlsplit(url), urlsplit(url).port
    except ValueError:
        raise _no_url() from None


def _no_url() -> RcsInputError:
    return RcsInputError(_HOST, "it is not a URL", f"Use a base URL such as {DEFAULT_BASE_URL}.")
