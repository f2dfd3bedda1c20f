"""The body of a pushed request, received within limits of size and time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from airflow_provider_rcs.receiver.responses import BODY_TOO_LARGE, BODY_TOO_SLOW, RequestRefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Receive

MAX_BODY_BYTES = 64 * 1024
BODY_TIMEOUT = 10.0


class ClientDisconnectedError(Exception):
    """The client disconnected before its body was complete, so no response can be sent."""


async def read_body(headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
    """Return the body of a request.

    :param headers: the request's headers, with names in lower case.
    :raises RequestRefusedError: if the body is too large, or not received in time.
    :raises ClientDisconnectedError: if the client disconnects before its end.
    """
    content_length = headers.get(b"content-length", b"")
    if content_length.isdigit() and int(content_length) > MAX_BODY_BYTES:
        raise RequestRefusedError(BODY_TOO_LARGE)
    body = b""
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnectedError
                piece: bytes = message.get("body", b"")
                body += piece  # Most bodies are one piece, and adding it to an empty body copies nothing.
                # A chunked body has no Content-Length.
                if len(body) > MAX_BODY_BYTES:
                    raise RequestRefusedError(BODY_TOO_LARGE)
                if not message.get("more_body", False):
                    return body
    except TimeoutError:
        raise RequestRefusedError(BODY_TOO_SLOW) from None
