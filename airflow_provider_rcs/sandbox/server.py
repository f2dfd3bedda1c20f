"""The sandbox as an HTTP server."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import sys
from typing import TYPE_CHECKING

from aiohttp import web

from airflow_provider_rcs.sandbox.calls import ApiCalls
from airflow_provider_rcs.sandbox.control import ControlCalls
from airflow_provider_rcs.sandbox.faults import FaultPlan
from airflow_provider_rcs.sandbox.pushes.pusher import ReportPusher
from airflow_provider_rcs.sandbox.quirks import Quirks
from airflow_provider_rcs.sandbox.record import SandboxRecord
from airflow_provider_rcs.sandbox.service import SandboxService

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from airflow_provider_rcs.sandbox.options import SandboxOptions

_LARGEST_BODY = 256 * 1024 * 1024
# Connections that a fault holds open would otherwise delay the shutdown.
_SECONDS_TO_FINISH = 0.5


def run(options: SandboxOptions) -> None:
    """Serve until a signal stops the process; call this in a process of its own."""
    logging.basicConfig(
        level=logging.WARNING if options.quiet else logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    # A request of a thousand recipients creates thousands of short-lived objects without cycles; with the default
    # threshold, the collector would walk them a dozen times per request, and take a third of the time.
    gc.freeze()
    gc.set_threshold(200_000)
    try:
        asyncio.run(serve(options))
    except OSError as error:
        print(f"The sandbox cannot serve on {options.host}:{options.port}: {error}", file=sys.stderr)
        raise SystemExit(2) from error  # as for any option to correct


async def serve(options: SandboxOptions) -> None:
    """Serve until SIGTERM or SIGINT; print a line with the URL once the server listens."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running(options) as url:
        print(f"sandbox ready on {url}", flush=True)
        await stop.wait()


@contextlib.asynccontextmanager
async def running(options: SandboxOptions) -> AsyncIterator[str]:
    """Serve until the context ends, and yield the URL."""
    record = SandboxRecord(options.record)
    quirks = Quirks(options.quirks)
    pusher = ReportPusher(options.reports, options.seed, quirks)
    faults = FaultPlan(seen=record.last_request)
    calls = ApiCalls(options, SandboxService(options.account, record), faults, pusher, quirks)
    control = ControlCalls(options.account, record, calls, faults, pusher, quirks)
    application = web.Application(client_max_size=_LARGEST_BODY)
    application.add_routes([*calls.routes(), *control.routes()])
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=_SECONDS_TO_FINISH)
    await runner.setup()
    pushing = asyncio.create_task(pusher.run())
    try:
        await web.TCPSite(runner, options.host, options.port).start()
        yield f"http://{options.host}:{runner.addresses[0][1]}"
    finally:
        pushing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await pushing
        await runner.cleanup()
        record.close()
