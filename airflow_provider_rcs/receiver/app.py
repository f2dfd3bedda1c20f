"""The web application that delivery reports are pushed to."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from threading import Lock
from typing import TYPE_CHECKING

from airflow_provider_rcs.api.dates import SERVICE_TIMEZONE
from airflow_provider_rcs.receiver import metrics as names
from airflow_provider_rcs.receiver.addresses import TrustedProxies
from airflow_provider_rcs.receiver.background import BackgroundFolding
from airflow_provider_rcs.receiver.bodies import ClientGoneError, deadlines_of_bodies, read_body, read_reports
from airflow_provider_rcs.receiver.gate import Gate
from airflow_provider_rcs.receiver.health import Readiness
from airflow_provider_rcs.receiver.ingest import Keeping, NotKeptError
from airflow_provider_rcs.receiver.metrics import LoggedCounters
from airflow_provider_rcs.receiver.responses import (
    NOT_FOUND,
    NOT_READY,
    READY,
    SPOOL_FULL,
    STORE_FAILED,
    WRONG_TYPE,
    Answer,
    RefusedError,
    committed,
    not_understood,
    wrong_method,
    wrong_type,
)
from airflow_provider_rcs.receiver.silence_watch import SilenceWatch
from airflow_provider_rcs.store.landing import Arrivals
from airflow_provider_rcs.store.migrate import require_migrated
from airflow_provider_rcs.store.refused_reports import RefusedReport

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import tzinfo

    import sqlalchemy as sa
    from starlette.types import Receive, Scope, Send

    from airflow_provider_rcs.receiver.credentials import Credentials
    from airflow_provider_rcs.receiver.metrics import Counters
    from airflow_provider_rcs.receiver.spool import Spool

MOUNT = "/rcs"
REPORTS_PATH = f"{MOUNT}/reports"
HEALTH_PATH = f"{MOUNT}/health"
# Less than the second within which every service that pushes waits.
_SECONDS_TO_ANSWER = 0.9


class ReportsApp:
    """An ASGI application that takes delivery reports; they are safe in the store or the spool before it answers 200.

    It works from the first request on: an application that is mounted in another one is told of no start and no end.

    :param engine: gives the store's engine; called in threads, until it succeeds once.
    :param credentials: gives what whoever pushes must know, or ``None`` if nothing is configured, and then all is
        refused; called in a thread, once a minute.
    :param spool: where reports are kept while the store does not take them; without one they are answered 503.
    :param proxies: whose word is believed on the client's address.
    :param counters: told what it does; by default the log is, once a minute.
    :param timezone: whose clock the reports' dates are by.
    """

    def __init__(
        self,
        engine: Callable[[], sa.Engine],
        credentials: Callable[[], Credentials | None],
        *,
        spool: Spool | None = None,
        proxies: TrustedProxies | None = None,
        counters: Counters | None = None,
        timezone: tzinfo = SERVICE_TIMEZONE,
    ) -> None:
        self._engine = _Once(engine)
        self._counters = counters or LoggedCounters()
        self._proxies = proxies or TrustedProxies()
        self._timezone = timezone
        self._gate = Gate(credentials)
        self._folding = BackgroundFolding(self._engine)
        self._keeping = Keeping(self._engine, spool, self._counters, self._folding.wake)
        self._readiness = Readiness(self._engine, spool)
        self._silence = SilenceWatch(self._engine, self._counters)
        self._reading = deadlines_of_bodies()
        self._begun = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._begun:
            self._begin()
        match scope["type"]:
            case "http":
                try:
                    answer = await self._answer(scope, receive)
                except RefusedError as refusal:
                    answer = refusal.answer
                except ClientGoneError:
                    return
                await answer.send(send)
            case "lifespan":
                await self._live(receive, send)
            case "websocket":
                await send({"type": "websocket.close"})

    def require_store(self) -> None:
        """Check that the store can be reached and has its tables.

        :raises RcsStoreError: if not.
        """
        require_migrated(self._engine())

    def _begin(self) -> None:
        """Take up what earlier processes left: reports in the spool, and landed ones that were not folded."""
        self._begun = True
        self._keeping.wake()
        self._folding.wake()
        self._silence.begin()

    def _answer(self, scope: Scope, receive: Receive) -> Awaitable[Answer]:
        path, method = _public_path(scope), scope["method"]
        if path == REPORTS_PATH and method == "POST":
            return self._take_reports(scope, receive)
        return self._answer_others(path, method)

    async def _answer_others(self, path: str, method: str) -> Answer:
        if path == REPORTS_PATH:
            return wrong_method("POST")
        if path == HEALTH_PATH:
            return await self._tell_health() if method in ("GET", "HEAD") else wrong_method("GET, HEAD")
        return NOT_FOUND

    async def _tell_health(self) -> Answer:
        ready = await self._gate.is_open() and await self._readiness.is_ready()
        return READY if ready else NOT_READY

    async def _take_reports(self, scope: Scope, receive: Receive) -> Answer:
        headers = dict(scope["headers"])
        begun = time.monotonic()
        try:
            await self._gate.check(headers.get(b"authorization"), self._proxies.client_of(scope))
        except RefusedError:
            self._counters.count(names.UNAUTHORIZED)
            raise
        seconds_to_check = time.monotonic() - begun
        # How long the client takes to send is its own affair, and limited there.
        body = await read_body(headers, receive, self._reading)
        content_type = headers.get(b"content-type", b"").decode("latin-1")
        read = await read_reports(content_type, body, self._timezone)
        refused = [RefusedReport(read.problem, content_type, body)] if read.problem else []
        if refused:
            self._counters.count(names.REFUSED)
        self._counters.count(names.RECEIVED, len(read.reports))
        try:
            arrivals = Arrivals(datetime.now(UTC), read.reports, refused)
            await self._keeping.keep(arrivals, _SECONDS_TO_ANSWER - seconds_to_check)
        except NotKeptError as error:
            return SPOOL_FULL if error.spool_full else STORE_FAILED
        if not read.problem:
            return committed(len(read.reports))
        return wrong_type() if read.problem == WRONG_TYPE else not_understood(read.problem, len(read.reports))

    async def _live(self, receive: Receive, send: Send) -> None:
        while (await receive())["type"] == "lifespan.startup":
            # Now, so that the log says at the start that all will be refused, not at the first report.
            await self._gate.is_open()
            await send({"type": "lifespan.startup.complete"})
        # Nothing to drain: a request ends with its commit, and a server lets the requests end before it says this.
        if isinstance(self._counters, LoggedCounters):
            self._counters.say()
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
