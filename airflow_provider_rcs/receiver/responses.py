"""The receiver's HTTP responses: a status and a JSON object, sent with the headers that all of them share."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING

import orjson

from airflow_provider_rcs.api.wire.report_formats import UNSUPPORTED_TYPE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Send

    from airflow_provider_rcs.store.inbox.backlog import Backlog

Header = tuple[bytes, bytes]

_COMMON_HEADERS: tuple[Header, ...] = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
)
# The largest fold takes a few seconds.
_SECONDS_TO_BE_BEHIND = 60
_CLOSE: Header = (b"connection", b"close")


class Response:
    """A response to a request, encoded once and sent any number of times.

    :param status: the HTTP status.
    :param content: the body, as a JSON object; empty for no body.
    :param headers: headers beyond the common ones.
    """

    def __init__(self, status: int, content: Mapping[str, object], *headers: Header) -> None:
        self.status = status
        self._body = orjson.dumps(content) if content else b""
        self._headers = (*_COMMON_HEADERS, (b"content-length", b"%d" % len(self._body)), *headers)

    async def send(self, send: Send) -> None:
        """Send the response over ASGI."""
        # A new list each time: middleware around the application, such as Airflow's, adds headers to it.
        await send({"type": "http.response.start", "status": self.status, "headers": list(self._headers)})
        await send({"type": "http.response.body", "body": self._body})


class RequestRefusedError(Exception):
    """The request is refused.

    :param response: what the client gets.
    """

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


class Saved(StrEnum):
    """Where pushed reports are safe; the response names it."""

    COMMITTED = "committed"
    SPOOLED = "spooled"


# Always the same: the client need not have credentials, and learns nothing but that the address is right.
NOTHING = Response(200, {})
NOT_READY = Response(503, {"status": "not ready"})
UNAUTHORIZED = Response(
    401, {"error": "wrong login or password"}, (b"www-authenticate", b'Basic realm="rcs-reports", charset="UTF-8"')
)
NOT_FOUND = Response(404, {"error": "not found; push reports to POST /rcs/reports"})
BODY_TOO_SLOW = Response(408, {"error": "the body was not received in time"}, _CLOSE)
BODY_TOO_LARGE = Response(413, {"error": "the body is larger than 64 KiB"}, _CLOSE)
NOT_CONFIGURED = Response(503, {"error": "the receiver has no login and password to check requests against"})
STORE_FAILED = Response(503, {"error": "the reports could not be stored; send them again"}, (b"retry-after", b"5"))
SPOOL_FULL = Response(
    503, {"error": "the store is unavailable and the spool is full; send them again"}, (b"retry-after", b"60")
)


def ready(backlog: Backlog | None) -> Response:
    """Return the response that a report would be accepted now, with what folding has not applied.

    :param backlog: ``None`` if it is not known.
    """
    if backlog is None:
        return Response(200, {"status": "ready"})
    seconds = 0 if backlog.oldest is None else max(int((datetime.now(UTC) - backlog.oldest).total_seconds()), 0)
    return Response(
        200,
        {
            "status": "ready",
            "folding": "behind" if seconds > _SECONDS_TO_BE_BEHIND else "current",
            "unfolded": backlog.unfolded,
            "oldest_unfolded_seconds": seconds,
            "set_aside": backlog.set_aside,
        },
    )


@lru_cache(maxsize=1024)
def all_saved(where: Saved, reports: int) -> Response:
    """Return the response to a body whose reports are all saved."""
    return Response(200, {where.value: reports})


def not_understood(problem: str, where: Saved, reports: int) -> Response:
    """Return the response to a body that could not be understood, in whole or in part, and was saved.

    :param problem: what is wrong with the body, without quoting it.
    :param reports: how many of its reports were understood and saved.
    """
    return Response(415 if problem == UNSUPPORTED_TYPE else 400, {"error": problem, where.value: reports})


def degraded(entries: int, oldest_seconds: int) -> Response:
    """Return the health while the store does not take reports, and the spool does.

    :param entries: how many requests wait in the spool.
    :param oldest_seconds: the age of the oldest of them.
    """
    spool = {"entries": entries, "oldest_seconds": oldest_seconds}
    return Response(200, {"status": "degraded", "spool": spool})


def wrong_method(allowed: str) -> Response:
    """Return the response to a request with a method that its path does not support."""
    return Response(405, {"error": f"use {allowed}"}, (b"allow", allowed.encode("ascii")))
