"""An account of the RCS API: what tells it from others, the connections that are of it, its credit."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from airflow_provider_rcs.api.base_url import is_unset, read_base_url
from airflow_provider_rcs.api.errors import RcsCreditError, RcsInputError

SHOWN_LETTERS = 8
# Of a connection for reports: the connection to the account whose panel pushes with it.
ACCOUNT_EXTRA = "rcs_conn_id"


class ReportsConnection(NamedTuple):
    """The connection whose login and password let a report in.

    :param conn_id: its name; empty if the report came another way.
    :param account: the fingerprint of the account that pushes with it; empty if it is not of one account.
    """

    conn_id: str = ""
    account: str = ""


ANOTHER_WAY = ReportsConnection()


class ConnectionFields(Protocol):
    """What is read of a connection of Airflow."""

    conn_type: str | None
    host: str | None
    port: int | None
    schema: str | None
    login: str | None

    @property
    def extra_dejson(self) -> Mapping[str, Any]: ...


def account_of(base_url: str, login: str | None) -> str:
    """Return the fingerprint of the account at a host with a login; it stays the same when the API Token changes."""
    return fingerprint(urlsplit(base_url).netloc.lower(), login)


def account_of_reports(connection: ConnectionFields, find: Callable[[str], ConnectionFields]) -> str:
    """Return the fingerprint of the account that pushes reports with a connection; empty if it is not of one account.

    :param connection: of the type ``rcs``, which is an account itself, or with the extra ``rcs_conn_id``, which names
        the connection to one. Any other may let in the reports of several accounts.
    :param find: returns the connection of a name.
    :raises RcsInputError: if the host of the account's connection cannot be used.
    """
    named = connection.extra_dejson.get(ACCOUNT_EXTRA)
    if is_unset(named) and connection.conn_type != "rcs":
        return ""
    of_account = connection if is_unset(named) else find(str(named))
    return account_of(read_base_url(of_account.host, of_account.schema, of_account.port), of_account.login)


def fingerprint(*values: str | None) -> str:
    """Return a hash of some values, in 32 hexadecimal digits."""
    return blake2b("\n".join(map(str, values)).encode(), digest_size=16).hexdigest()


def shown_account(account: str, rcs_conn_id: str) -> str:
    """Return an account for people: the connection that its campaign began with, and the start of its fingerprint.

    :param account: its fingerprint; empty if it is not known.
    """
    return f"{rcs_conn_id} ({account[:SHOWN_LETTERS]})" if account else rcs_conn_id or "-"


def read_min_credits(value: object) -> float:
    """Return an amount of credit, given as a number or as its text.

    :raises RcsInputError: if it is not a number above 0.
    """
    try:
        amount = math.nan if isinstance(value, bool) else float(str(value))
    except ValueError:
        amount = math.nan
    if not 0 < amount < math.inf:
        raise RcsInputError(
            "min_credits", f"{value!r} is not an amount of credit", "Use a number above 0, or leave it out."
        )
    return amount


def require_credit(left: float, required: float) -> None:
    """Check that the account has enough credit left.

    :raises RcsCreditError: if it has less than required.
    """
    if left < required:
        raise RcsCreditError(
            f"min_credits: the account has {format_credits(left)} credits left, but {format_credits(required)} are "
            "required. Nothing was sent. Add credit or lower min_credits, then run the task again."
        )


def format_credits(amount: float) -> str:
    """Return an amount of credit with thousands separators, such as ``10,000,000`` or ``12.5``."""
    return f"{amount:,.15g}"
