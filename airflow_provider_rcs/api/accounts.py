"""Accounts of the RCS API: what tells one from another, and how people see them."""

from __future__ import annotations

from hashlib import blake2b
from urllib.parse import urlsplit

SHOWN_LETTERS = 8


def account_of(base_url: str, login: str | None) -> str:
    """Return the fingerprint of the account at a host with a login; it stays the same when the API Token changes."""
    return fingerprint(urlsplit(base_url).netloc.lower(), login)


def fingerprint(*values: str | None) -> str:
    """Return a hash of some values, in 32 hexadecimal digits."""
    return blake2b("\n".join(map(str, values)).encode(), digest_size=16).hexdigest()


def shown_account(account: str, rcs_conn_id: str) -> str:
    """Return an account for people: the connection that its campaign began with, and the start of its fingerprint.

    :param account: its fingerprint; empty if it is not known.
    """
    return f"{rcs_conn_id} ({account[:SHOWN_LETTERS]})" if account else rcs_conn_id or "-"
