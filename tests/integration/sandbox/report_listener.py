"""A user's own report script: a real HTTP server in a thread."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import orjson
from aiohttp import web

from tests.integration.sandbox.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class ReceivedReport:
    """A push as it arrived; its body is unpacked."""

    headers: Mapping[str, str]
    body: bytes

    @property
    def content_type(self) -> str | None:
        return self.headers.get("Content-Type")

    @property
    def fields(self) -> dict[str, str]:
        """The fields of a body that is a JSON object."""
        fields: dict[str, str] = orjson.loads(self.body)
        return fields


class ReportListener:
    """Stores every report in the order of arrival.

    ``answers`` are the statuses of the next replies; after them, it answers 200. ``checks`` are the methods and
    credentials of the requests that check the address without pushing; each of them is answered with ``checked``.
    """

    def __init__(self) -> None:
        self.received: list[ReceivedReport] = []
        self.answers: deque[int] = deque()
        self.checks: list[tuple[str, str | None]] = []
        self.checked = 200
        self.connections: set[object] = set()
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def of(self, message_id: object) -> list[dict[str, str]]:
        return [each.fields for each in self.received if each.fields["idMensaje"] == str(message_id)]

    def wait_for(self, reports: int) -> None:
        wait_for(lambda: len(self.received) >= reports)
        assert len(self.received) == reports

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=0.1)
        self._loop.run_until_complete(runner.setup())
        self._loop.run_until_complete(web.TCPSite(runner, "127.0.0.1", 0).start())
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/reports"
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    def _application(self) -> web.Application:
        application = web.Application()
        application.router.add_post("/reports", self._take)
        application.router.add_get("/reports", self._check)
        return application

    async def _check(self, request: web.Request) -> web.Response:
        self.checks.append((request.method, request.headers.get("Authorization")))
        return web.Response(status=self.checked)

    async def _take(self, request: web.Request) -> web.Response:
        self.connections.add(request.transport)
        self.received.append(ReceivedReport(request.headers.copy(), await request.read()))
        return web.Response(status=self.answers.popleft() if self.answers else 200)
