"""An HTTP protocol for uvicorn that limits the time and the size of a request's head.

The one module that relies on uvicorn's internals: uvicorn itself limits neither, and has no setting for it. The
application limits the body.
"""

from __future__ import annotations

from asyncio import TimerHandle
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

HEAD_TIMEOUT = 10.0
_MAX_HEAD_BYTES = 64 * 1024


class LimitedHeadProtocol(AutoHTTPProtocol):  # type: ignore[valid-type, misc]
    """Closes a connection whose next request's head is not complete in time, or is too large."""

    _timer: TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: Any) -> None:
        """Start the timer for the first request."""
        super().connection_made(transport)
        self._start_timer()

    def data_received(self, data: bytes) -> None:
        """Stop the timer if the head is complete; count its bytes if not."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_timer()
            return
        self._head_bytes += len(data)
        if self._timer is None:
            self._start_timer()
        if self._head_bytes > _MAX_HEAD_BYTES:
            self.transport.close()

    def on_response_complete(self) -> None:
        """Stop the timer: uvicorn itself limits how long a connection may be idle between requests."""
        super().on_response_complete()
        self._stop_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer."""
        self._stop_timer()
        super().connection_lost(exc)

    def _start_timer(self) -> None:
        self._timer = self.loop.call_later(HEAD_TIMEOUT, self.transport.close)

    def _stop_timer(self) -> None:
        self._head_bytes = 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
