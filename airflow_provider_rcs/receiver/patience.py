"""An HTTP protocol for uvicorn that does not wait for ever for the head of a request, nor take one without end.

uvicorn itself limits neither. The body has its limits in the application.
"""

from __future__ import annotations

from asyncio import TimerHandle
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
        super().connection_made(transport)
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
