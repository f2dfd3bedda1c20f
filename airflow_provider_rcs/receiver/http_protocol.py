"""An HTTP protocol for uvicorn that does not wait for ever for the head of a request, nor take one without end.

uvicorn itself limits neither. The body has its limits in the application.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, TimerHandle
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

SECONDS_FOR_A_HEAD = 10.0
_LARGEST_HEAD = 64 * 1024


class PatientProtocol(AutoHTTPProtocol):  # type: ignore[valid-type, misc]
    """Closes a connection on which a request has begun, or might have, and its head does not come."""

    _waiting: TimerHandle | None = None
    _bytes_of_a_head = 0

    def connection_made(self, transport: Any) -> None:
        """Begin to wait."""
        super().connection_made(_JoinedWrites(transport, self.loop))
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Wait on, if the head is not complete."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()
            return
        self._bytes_of_a_head += len(data)
        if self._waiting is None:
            self._wait()
        if self._bytes_of_a_head > _LARGEST_HEAD:
            self.transport.close()

    def on_response_complete(self) -> None:
        """Leave it to uvicorn how long a connection may rest."""
        super().on_response_complete()
        self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        self._waiting = self.loop.call_later(SECONDS_FOR_A_HEAD, self.transport.close)

    def _stop_waiting(self) -> None:
        self._bytes_of_a_head = 0
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None


class _JoinedWrites:
    """A transport that sends at once what is written to it in one turn of the event loop.

    uvicorn writes the head and the body of an answer one after the other, and each would be a call of the system.
    """

    def __init__(self, transport: Any, loop: AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._written: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._written:
            self._loop.call_soon(self._send)
        self._written.append(data)

    def close(self) -> None:
        self._send()
        self._transport.close()

    def is_closing(self) -> bool:
        return bool(self._transport.is_closing())

    def _send(self) -> None:
        if self._written:
            self._transport.write(b"".join(self._written))
            self._written.clear()
