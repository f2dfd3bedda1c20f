"""The web application that delivery reports are pushed to."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from airflow_provider_rcs.api.dates import SERVICE_TIMEZONE
from airflow_provider_rcs.api.opt_out import DEFAULT_OPT_OUT_WORDS
from airflow_provider_rcs.receiver import metrics as names
from airflow_provider_rcs.receiver.auth import Authenticator
from airflow_provider_rcs.receiver.background import BackgroundFolding, SilenceWatch
from airflow_provider_rcs.receiver.bodies import ClientDisconnectedError, read_body
from airflow_provider_rcs.receiver.health import HealthCheck
from airflow_provider_rcs.receiver.ingest import Ingest
from airflow_provider_rcs.receiver.metrics import LoggedMetrics
from airflow_provider_rcs.receiver.responses import (
    NOT_FOUND,
    NOT_READY,
    NOTHING,
    RequestRefusedError,
    Response,
    all_saved,
    not_understood,
    wrong_method,
)
from airflow_provider_rcs.store.inbox.bodies import received

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from datetime import tzinfo

    import sqlalchemy as sa
    from starlette.types import Receive, Scope, Send

    from airflow_provider_rcs.receiver.auth import LookUp
    from airflow_provider_rcs.receiver.metrics import Metrics
    from airflow_provider_rcs.receiver.spool import Spool

MOUNT = "/rcs"
REPORTS_PATH = f"{MOUNT}/reports"
HEALTH_PATH = f"{MOUNT}/health"
# Less than the one second for which every service that pushes waits.
_SECONDS_TO_RESPOND = 0.9


class ReportsApp:
    """An ASGI application that accepts delivery reports; it responds 200 once they are safe in the store or the spool.

    It works from the first request on: an application that is mounted in another one gets no startup or shutdown event.

    :param get_engine: returns the store's engine; called in threads, until it succeeds once.
    :param look_ups: name of a connection -> returns the credentials that requests may have, or ``None`` if it is not
        defined; without any credentials, all requests are refused. Each is called in a thread, once a minute.
    :param spool: saves reports while the store does not accept them; without one they are answered 503.
    :param metrics: counts what the application does; by default a line a minute in the log.
    :param timezone: the time zone of the dates in reports.
    :param opt_out_words: a person whose whole reply is one of these words is suppressed.
    """

    def __init__(
        self,
        get_engine: Callable[[], sa.Engine],
        look_ups: Mapping[str, LookUp],
        *,
        spool: Spool | None = None,
        metrics: Metrics | None = None,
        timezone: tzinfo = SERVICE_TIMEZONE,
        opt_out_words: Collection[str] = DEFAULT_OPT_OUT_WORDS,
    ) -> None:
        self._get_engine = cache(get_engine)  # errors are not cached
        self._metrics = metrics or LoggedMetrics()
        self._timezone = timezone
        self._authenticator = Authenticator(look_ups)
        self._folding = BackgroundFolding(self._get_engine)
        self._ingest = Ingest(self._get_engine, spool, self._metrics, self._folding.wake, opt_out_words)
        self._health = HealthCheck(self._get_engine, spool, self._ingest.store_takes_reports)
        self._silence_watch = SilenceWatch(self._get_engine, self._metrics)
        self._started = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._started:
            self._start()
        match scope["type"]:
            case "http":
                try:
                    response = await self._respond(scope, receive)
                except RequestRefusedError as refusal:
                    response = refusal.response
                except ClientDisconnectedError:
                    return
                await response.send(send)
            case "lifespan":
                await self._run_lifespan(receive, send)
            case "websocket":
                await send({"type": "websocket.close"})

    def _start(self) -> None:
        """Start the background work, first on what earlier processes left: spooled reports, and unfolded ones."""
        self._started = True
        self._ingest.wake()
        self._folding.wake()
        self._silence_watch.start()

    async def _respond(self, scope: Scope, receive: Receive) -> Response:
        path, method = _public_path(scope), scope["method"]
        if path == REPORTS_PATH:
            if method == "POST":
                return await self._receive_reports(scope, receive)
            # A panel may check an address in this way before it pushes to it (public).
            return NOTHING if method in ("GET", "HEAD") else wrong_method("POST")
        if path != HEALTH_PATH:
            return NOT_FOUND
        if method not in ("GET", "HEAD"):
            return wrong_method("GET, HEAD")
        return await self._health.check() if await self._authenticator.is_configured() else NOT_READY

    async def _receive_reports(self, scope: Scope, receive: Receive) -> Response:
        headers = dict(reversed(scope["headers"]))
        # All of them: where all users are administrators, Airflow adds its own to every request.
        authorization = b",".join([value for name, value in scope["headers"] if name == b"authorization"])
        started = time.monotonic()
        try:
            let_in_by = await self._authenticator.check(authorization)
        except RequestRefusedError:
            self._metrics.incr(names.UNAUTHORIZED)
            raise
        seconds_to_check = time.monotonic() - started
        # The time that the client takes to send its body does not count; it has a limit of its own.
        body = await read_body(headers, receive)
        content_type = headers.get(b"content-type", b"").decode("latin-1")
        pushed = received(content_type, body, datetime.now(UTC), self._timezone, let_in_by)
        understood = len(pushed.reports) + len(pushed.inbound)
        self._metrics.incr(names.RECEIVED, understood)
        if pushed.refused:
            self._metrics.incr(names.REFUSED)
        where = await self._ingest.save(pushed, _SECONDS_TO_RESPOND - seconds_to_check)
        if pushed.refused:
            return not_understood(pushed.refused[0].reason, where, understood)
        return all_saved(where, understood)

    async def _run_lifespan(self, receive: Receive, send: Send) -> None:
        while (await receive())["type"] == "lifespan.startup":
            # Looked up now, so that missing credentials are logged at startup, not at the first report.
            await self._authenticator.is_configured()
            await send({"type": "lifespan.startup.complete"})
        # Nothing to flush: a request ends with its commit, and servers send this event after the last request.
        if isinstance(self._metrics, LoggedMetrics):
            self._metrics.log_totals()
        await send({"type": "lifespan.shutdown.complete"})


def _public_path(scope: Scope) -> str:
    """Return the path from ``/rcs`` on, whether the application is mounted there, behind a prefix, or not at all.

    A slash at its end is left out.
    """
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", "").removesuffix(MOUNT)).removesuffix("/")
