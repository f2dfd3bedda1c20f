"""What HTTP alone says about a call: it never left, or it was refused."""

from __future__ import annotations

import re
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError, ProxyError

from airflow_provider_rcs.api.errors import RcsAuthError, RcsParameterError, RcsRateLimited
from airflow_provider_rcs.api.wire.calls import Refusal

_SECONDS = re.compile(r"[0-9]+(\.[0-9]+)?")


def never_left(error: Exception) -> bool:
    """Return whether the connection failed before any byte of the request left."""
    cause = _cause(error)
    if isinstance(cause, ProxyError):
        cause = cause.original_error
    return isinstance(cause, NewConnectionError | ConnectTimeoutError) or any(
        isinstance(argument, ssl.SSLCertVerificationError) for argument in getattr(cause, "args", ())
    )


def error_kind(error: Exception) -> str:
    """Return the kind of failure, without its text, which can quote credentials of a proxy."""
    return type(_cause(error)).__name__


def refusal_by_status(url: str, response: requests.Response) -> Refusal | None:
    """Return the refusal that a HTTP status is, or ``None`` for a status that refuses nothing by itself.

    What the body says of single recipients still counts: see
    :func:`~airflow_provider_rcs.api.wire.send.read_send_reply`.
    """
    status = f"(HTTP {response.status_code})."
    match response.status_code:
        case 401 | 403:
            problem = f"{url}: the service refused the API User or API Token {status}"
            return Refusal(RcsAuthError, problem, RcsAuthError.remedy)
        case 404:
            problem = f"{url}: no such address at the service {status}"
            return Refusal(RcsParameterError, problem, "Check host and extra 'paths' of the connection.")
        case 429:
            retry_after = _read_seconds(response.headers.get("Retry-After", ""), response.headers.get("Date", ""))
            wait = "" if retry_after is None else f" It asks to wait {retry_after:g} seconds."
            problem = f"{url}: too many requests {status}{wait}"
            return Refusal(RcsRateLimited, problem, RcsRateLimited.remedy, retry_after)
    return None


def _cause(error: Exception) -> object:
    first = error.args[0] if error.args else error
    return getattr(first, "reason", first)


def _read_seconds(retry_after: str, date: str) -> float | None:
    """Return the seconds in a Retry-After header, which holds a number or a date.

    :param date: the reply's own date, by the service's clock, which may differ from ours.
    """
    if _SECONDS.fullmatch(retry_after.strip()):
        return float(retry_after)
    moment = _read_date(retry_after)
    if moment is None:
        return None
    return max((moment - (_read_date(date) or datetime.now(UTC))).total_seconds(), 0.0)


def _read_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        return None
