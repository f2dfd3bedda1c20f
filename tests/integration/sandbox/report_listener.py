"""A user's own report script: a real HTTP server in a thread."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from dataclasses import dataclass
from typing import Self

import orjson
from aiohttp import web

from tests.integration.sandbox.waiting import wait_for


@dataclass(frozen=True, slots=True)
class ReceivedReport:
    content_type: str
    authorization: str | None
    fields: dict[str, str]


class ReportListener:
    """Stores every report in the order of arrival.

    ``answers`` are the statuses of the next replies; after them, it answers 200.
    """

    def __init__(self) -> None:
        self.received: list[ReceivedReport] = []
        self.answers: deque[int] = deque()
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
        return application

    async def _take(self, request: web.Request) -> web.Response:
        self.connections.add(request.transport)
        fields = orjson.loads(await request.read())
        self.received.append(ReceivedReport(request.content_type, request.headers.get("Authorization"), fields))
        return web.Response(status=self.answers.popleft() if self.answers else 200)
