"""The web application that delivery reports are pushed to."""

from __future__ import annotations

from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING

from airflow_provider_rcs.receiver.answers import (
    HEALTHY,
    NOT_FOUND,
    STORE_FAILED,
    Answer,
    RefusedError,
    committed,
    wrong_method,
)
from airflow_provider_rcs.receiver.background_folding import BackgroundFolding
from airflow_provider_rcs.receiver.batching import SharedCommits
from airflow_provider_rcs.receiver.bodies import ClientGoneError, read_reports
from airflow_provider_rcs.receiver.gate import Gate
from airflow_provider_rcs.store.landing import land
from airflow_provider_rcs.store.migrate import require_migrated

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import sqlalchemy as sa
    from starlette.types import Receive, Scope, Send

    from airflow_provider_rcs.api.models import Report
    from airflow_provider_rcs.receiver.credentials import Credentials

MOUNT = "/rcs"
REPORTS_PATH = f"{MOUNT}/reports"
HEALTH_PATH = f"{MOUNT}/health"


class ReportsApp:
    """An ASGI application that takes delivery reports; they are committed to the store before it answers 200.

    It works from the first request on: an application that is mounted in another one is told of no start and no end.

    :param engine: gives the store's engine; called in threads, until it succeeds once.
    :param credentials: gives what whoever pushes must know, or ``None`` if nothing is configured, and then all is
        refused; called in a thread, once a minute.
    """

    def __init__(self, engine: Callable[[], sa.Engine], credentials: Callable[[], Credentials | None]) -> None:
        self._engine = _Once(engine)
        self._gate = Gate(credentials)
        self._folding = BackgroundFolding(self._engine)
        self._commits = SharedCommits(self._land)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "http":
                await self._serve(scope, receive, send)
            case "lifespan":
                await self._live(receive, send)
            case "websocket":
                await send({"type": "websocket.close"})

    def require_store(self) -> None:
        """Check that the store can be reached and has its tables.

        :raises RcsStoreError: if not.
        """
        require_migrated(self._engine())

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            answer = await self._answer(scope, receive)
        except RefusedError as refusal:
            answer = refusal.answer
        except ClientGoneError:
            return
        await answer.send(send)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer:
        path, method = _public_path(scope), scope["method"]
        if path == REPORTS_PATH:
            return await self._take_reports(scope, receive) if method == "POST" else wrong_method("POST")
        if path == HEALTH_PATH:
            return HEALTHY if method in ("GET", "HEAD") else wrong_method("GET, HEAD")
        return NOT_FOUND

    async def _take_reports(self, scope: Scope, receive: Receive) -> Answer:
        headers = dict(scope["headers"])
        await self._gate.check(headers.get(b"authorization"))
        reports = await read_reports(headers, receive)
        try:
            await self._commits.commit(reports)
        except Exception:  # noqa: BLE001 - it was logged once for the whole batch; this request has to know as well
            return STORE_FAILED
        return committed(len(reports))

    def _land(self, reports: Sequence[Report]) -> None:
        land(self._engine(), reports, datetime.now(UTC))
        self._folding.wake()

    async def _live(self, receive: Receive, send: Send) -> None:
        while (await receive())["type"] == "lifespan.startup":
            # Now, so that the log says at the start that all will be refused, not at the first report.
            await self._gate.credentials()
            self._folding.wake()
            await send({"type": "lifespan.startup.complete"})
        # Nothing to drain: a request ends with its commit, and a server lets the requests end before it says this.
        await send({"type": "lifespan.shutdown.complete"})


def _public_path(scope: Scope) -> str:
    """Return the path from ``/rcs`` on, whether the application is mounted there, behind a prefix, or nowhere."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", "").removesuffix(MOUNT))


class _Once:
    """Asks for an engine until there is one, and keeps it."""

    def __init__(self, ask: Callable[[], sa.Engine]) -> None:
        self._ask = ask
        self._asking = Lock()
        self._engine: sa.Engine | None = None

    def __call__(self) -> sa.Engine:
        if self._engine is None:
            with self._asking:
                if self._engine is None:
                    self._engine = self._ask()
        return self._engine
