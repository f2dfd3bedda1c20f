"""What the receiver answers: a status and a line of JSON, with the headers that every answer carries."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from starlette.types import Send

Header = tuple[bytes, bytes]

_ON_EVERY_ANSWER: tuple[Header, ...] = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)


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

    def __post_init__(self) -> None:
        object.__setattr__(self, "_body", orjson.dumps(self.content))

    async def send(self, send: Send) -> None:
        """Send it, by ASGI."""
        length = (b"content-length", str(len(self._body)).encode("ascii"))
        headers = [*_ON_EVERY_ANSWER, length, *self.headers]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self._body})


class RefusedError(Exception):
    """The request is refused.

    :param answer: what it is answered with.
    """

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


HEALTHY = Answer(200, {"status": "ok"})
UNAUTHORIZED = Answer(
    401, {"error": "wrong login or password"}, ((b"www-authenticate", b'Basic realm="rcs-reports", charset="UTF-8"'),)
)
NOT_FOUND = Answer(404, {"error": "nothing is here; reports go to POST /rcs/reports"})
TOO_LARGE = Answer(413, {"error": "the body is larger than 64 KiB"})
WRONG_TYPE = Answer(415, {"error": "send application/json, application/x-www-form-urlencoded or multipart/form-data"})
NOT_CONFIGURED = Answer(503, {"error": "the receiver has no login and password to check reports against"})
STORE_FAILED = Answer(503, {"error": "the reports could not be stored; send them again"})


def committed(reports: int) -> Answer:
    """Say that so many reports are safe."""
    return Answer(200, {"committed": reports})


def not_understood(problem: str) -> Answer:
    """Say why a body cannot be understood.

    :param problem: what is wrong with it, without anything of it.
    """
    return Answer(400, {"error": problem})


def wrong_method(allowed: str) -> Answer:
    """Say which methods an address takes."""
    return Answer(405, {"error": f"use {allowed}"}, ((b"allow", allowed.encode("ascii")),))
