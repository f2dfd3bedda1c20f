"""What HTTP proves of a call, whatever the body says."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import requests
from urllib3.exceptions import ConnectTimeoutError, ProtocolError, ProxyError, ReadTimeoutError, SSLError

from airflow_provider_rcs.api.errors import RcsRateLimited
from airflow_provider_rcs.hooks.http_errors import error_kind, never_left, raise_for_status

URL = "https://rcs.example/EnviarRCS"
UNVERIFIED = SSLError(ssl.SSLCertVerificationError("self-signed"))
LATE, RESET = ConnectTimeoutError("late"), ConnectionResetError("reset")


def wrapped(cause: Exception) -> requests.ConnectionError:
    """Return an error as requests raises it: around the one that says how often it was tried."""
    around = Exception("tried in vain")
    around.reason = cause  # type: ignore[attr-defined]
    return requests.ConnectionError(around)


def too_many(retry_after: str | None) -> RcsRateLimited:
    response = requests.Response()
    response.status_code = 429
    if retry_after is not None:
        response.headers["Retry-After"] = retry_after
    with pytest.raises(RcsRateLimited) as raised:
        raise_for_status(URL, response)
    return raised.value


@pytest.mark.parametrize(
    "cause", [LATE, UNVERIFIED, ProxyError("gate", LATE), ProxyError("gate", UNVERIFIED)], ids=repr
)
def test_where_no_connection_came_about_nothing_has_left(cause: Exception) -> None:
    assert never_left(wrapped(cause))


@pytest.mark.parametrize(
    "cause",
    [
        ProtocolError("Connection aborted.", RESET),
        # What urllib3 makes of a connection through a proxy that breaks once the request is under way, too.
        ProxyError("gate", RESET),
        SSLError("alert certificate required"),
        ReadTimeoutError(None, URL, "late"),  # type: ignore[arg-type]
    ],
    ids=repr,
)
def test_where_a_connection_broke_the_request_may_have_left(cause: Exception) -> None:
    assert not never_left(wrapped(cause))


def test_an_error_is_told_by_its_kind_alone_because_its_text_may_hold_credentials() -> None:
    assert error_kind(wrapped(ProxyError("http://gate:gate-word@proxy", LATE))) == "ProxyError"


@pytest.mark.parametrize(("header", "seconds"), [("7", 7), (" 0 ", 0), (None, None), ("", None), ("soon", None)])
def test_how_long_to_wait_is_read_where_the_service_says_it(header: str | None, seconds: Any) -> None:
    assert too_many(header).retry_after == seconds


@pytest.mark.parametrize("header", ["\u00b2", "-1", "1.5", "9" * 30])
def test_what_is_no_number_of_seconds_does_no_harm(header: str) -> None:
    waits = too_many(header).retry_after

    assert waits is None or waits > 10**6


@pytest.mark.parametrize(("minutes", "least", "most"), [(20, 600, 1200), (-20, 0, 0)])
def test_a_date_to_wait_for_is_read_as_the_seconds_until_then(minutes: int, least: float, most: float) -> None:
    moment = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)

    waits = too_many(moment).retry_after

    assert waits is not None
    assert least <= waits <= most


@pytest.mark.parametrize("status", [200, 302, 400, 409, 500, 503])
def test_other_statuses_are_left_to_the_body(status: int) -> None:
    response = requests.Response()
    response.status_code = status

    raise_for_status(URL, response)
