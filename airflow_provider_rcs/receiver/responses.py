"""What the receiver answers: a status and a line of JSON, with the headers that every answer carries."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from starlette.types import Send

Header = tuple[bytes, bytes]

_ON_EVERY_ANSWER: tuple[Header, ...] = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"referrer-policy", b"no-referrer"),
)


CLOSE: Header = (b"connection", b"close")


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to a request.

    :param status: the HTTP status.
    :param content: what the body says, as JSON.
    :param headers: headers beyond those of every answer.
    """

    status: int
    content: dict[str, str | int]
    headers: tuple[Header, ...] = ()
    _body: bytes = field(init=False, repr=False)
    _all_headers: tuple[Header, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        body = orjson.dumps(self.content)
        length = (b"content-length", str(len(body)).encode("ascii"))
        object.__setattr__(self, "_body", body)
        object.__setattr__(self, "_all_headers", (*_ON_EVERY_ANSWER, length, *self.headers))

    async def send(self, send: Send) -> None:
        """Send it, by ASGI."""
        # A list of its own: middleware around the application, such as Airflow's, adds headers to it.
        await send({"type": "http.response.start", "status": self.status, "headers": list(self._all_headers)})
        await send({"type": "http.response.body", "body": self._body})


class RefusedError(Exception):
    """The request is refused.

    :param answer: what it is answered with.
    """

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


READY = Answer(200, {"status": "ready"})
NOT_READY = Answer(503, {"status": "not ready"})
UNAUTHORIZED = Answer(
    401, {"error": "wrong login or password"}, ((b"www-authenticate", b'Basic realm="rcs-reports", charset="UTF-8"'),)
)
TOO_MANY_FAILURES = Answer(
    429, {"error": "too many wrong logins or passwords from this address"}, ((b"retry-after", b"60"), CLOSE)
)
NOT_FOUND = Answer(404, {"error": "nothing is here; reports go to POST /rcs/reports"})
TOO_SLOW = Answer(408, {"error": "the body did not come in time"}, (CLOSE,))
TOO_LARGE = Answer(413, {"error": "the body is larger than 64 KiB"}, (CLOSE,))
NOT_CONFIGURED = Answer(503, {"error": "the receiver has no login and password to check reports against"})
STORE_FAILED = Answer(503, {"error": "the reports could not be stored; send them again"}, ((b"retry-after", b"5"),))
SPOOL_FULL = Answer(
    503, {"error": "the store takes no reports and the spool is full; send them again"}, ((b"retry-after", b"60"),)
)


@lru_cache(maxsize=1024)
def committed(reports: int) -> Answer:
    """Say that so many reports are safe."""
    return Answer(200, {"committed": reports})


def not_understood(problem: str, committed: int) -> Answer:
    """Say why a body cannot be understood, once it is kept.

    :param problem: what is wrong with it, without anything of it.
    :param committed: how many of its reports were understood, and are safe.
    """
    return Answer(400, {"error": problem, "committed": committed})


WRONG_TYPE = "send application/json, application/x-www-form-urlencoded or multipart/form-data"


def wrong_type() -> Answer:
    """Say which types are understood, once the body is kept."""
    return Answer(415, {"error": WRONG_TYPE})


def wrong_method(allowed: str) -> Answer:
    """Say which methods an address takes."""
    return Answer(405, {"error": f"use {allowed}"}, ((b"allow", allowed.encode("ascii")),))
