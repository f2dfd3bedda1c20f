"""What HTTP alone proves about a call."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import requests
from urllib3.exceptions import ConnectTimeoutError, ProtocolError, ProxyError, ReadTimeoutError, SSLError

from airflow_provider_rcs.api.errors import RcsRateLimited
from airflow_provider_rcs.hooks.http_errors import error_kind, never_left, refusal_by_status

URL = "https://rcs.example/EnviarRCS"
UNVERIFIED = SSLError(ssl.SSLCertVerificationError("self-signed"))
LATE, RESET = ConnectTimeoutError("late"), ConnectionResetError("reset")


def wrapped(cause: Exception) -> requests.ConnectionError:
    """Return an error as requests raises it, around the error of urllib3 that counts the tries."""
    retries_error = Exception("retries exceeded")
    retries_error.reason = cause  # type: ignore[attr-defined]
    return requests.ConnectionError(retries_error)


def error_of_429(retry_after: str | None, date: str | None = None) -> RcsRateLimited:
    response = requests.Response()
    response.status_code = 429
    if retry_after is not None:
        response.headers["Retry-After"] = retry_after
    if date is not None:
        response.headers["Date"] = date
    refused = refusal_by_status(URL, response)
    assert refused is not None
    error = refused.error("Nothing was sent")
    assert isinstance(error, RcsRateLimited)
    return error


@pytest.mark.parametrize(
    "cause", [LATE, UNVERIFIED, ProxyError("gate", LATE), ProxyError("gate", UNVERIFIED)], ids=repr
)
def test_a_connection_that_was_not_made_proves_that_nothing_left(cause: Exception) -> None:
    assert never_left(wrapped(cause))


@pytest.mark.parametrize(
    "cause",
    [
        ProtocolError("Connection aborted.", RESET),
        # urllib3 raises this too if a connection through a proxy breaks while the request is in flight.
        ProxyError("gate", RESET),
        SSLError("alert certificate required"),
        ReadTimeoutError(None, URL, "late"),  # type: ignore[arg-type]
    ],
    ids=repr,
)
def test_a_broken_connection_does_not_prove_that_nothing_left(cause: Exception) -> None:
    assert not never_left(wrapped(cause))


def test_the_kind_of_an_error_does_not_contain_its_text() -> None:
    assert error_kind(wrapped(ProxyError("http://gate:gate-word@proxy", LATE))) == "ProxyError"


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7), (" 0 ", 0), ("1.5", 1.5), (None, None), ("", None), ("soon", None)]
)
def test_retry_after_is_read_as_seconds(header: str | None, seconds: Any) -> None:
    assert error_of_429(header).retry_after == seconds


@pytest.mark.parametrize("header", ["\u00b2", "-1", "9" * 30, "Fri, 31 Dec 9999 23:59:59 -2359"])
def test_an_odd_retry_after_does_not_fail(header: str) -> None:
    waits = error_of_429(header).retry_after

    assert waits is None or waits > 10**6


@pytest.mark.parametrize(("minutes", "least", "most"), [(20, 600, 1200), (-20, 0, 0)])
def test_a_date_in_retry_after_is_read_as_the_seconds_until_then(minutes: int, least: float, most: float) -> None:
    moment = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)

    waits = error_of_429(moment).retry_after

    assert waits is not None
    assert least <= waits <= most


def test_a_date_in_retry_after_is_compared_with_the_services_own_clock() -> None:
    error = error_of_429("Tue, 01 May 2001 12:00:30 GMT", date="Tue, 01 May 2001 12:00:00 GMT")

    assert error.retry_after == 30


@pytest.mark.parametrize("status", [200, 302, 400, 409, 500, 503])
def test_other_statuses_refuse_nothing_by_themselves(status: int) -> None:
    response = requests.Response()
    response.status_code = status

    assert refusal_by_status(URL, response) is None
