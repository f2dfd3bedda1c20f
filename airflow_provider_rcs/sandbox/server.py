"""The sandbox as a server: put together, started, and stopped."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
from typing import TYPE_CHECKING

from aiohttp import web

from airflow_provider_rcs.sandbox.calls import Calls
from airflow_provider_rcs.sandbox.control import Control
from airflow_provider_rcs.sandbox.faults import FaultPlan
from airflow_provider_rcs.sandbox.pusher import Pusher
from airflow_provider_rcs.sandbox.record import Record
from airflow_provider_rcs.sandbox.service import Service

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from airflow_provider_rcs.sandbox.options import SandboxOptions

_LARGEST_BODY = 256 * 1024 * 1024
# Connections held on purpose would otherwise hold up the end as well.
_SECONDS_TO_FINISH = 0.5


def run(options: SandboxOptions) -> None:
    """Serve until told to stop; for a process of its own."""
    logging.basicConfig(
        level=logging.WARNING if options.quiet else logging.INFO, format="%(asctime)s %(levelname)s %(message)s"
    )
    # A request of a thousand recipients makes thousands of objects that die with it and hold no cycles; with the usual
    # threshold, the collector would walk them a dozen times a request, for a third of the time.
    gc.freeze()
    gc.set_threshold(200_000)
    try:
        asyncio.run(serve(options))
    except OSError as error:
        raise SystemExit(f"The sandbox cannot serve on {options.host}:{options.port}: {error}") from error


async def serve(options: SandboxOptions) -> None:
    """Serve until SIGTERM or SIGINT, and say in a line when and where it listens."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running(options) as url:
        print(f"sandbox ready on {url}", flush=True)
        await stop.wait()


@contextlib.asynccontextmanager
async def running(options: SandboxOptions) -> AsyncIterator[str]:
    """Serve for as long as the context lasts; gives the URL."""
    record = Record(options.record)
    pusher = Pusher(options.reports, options.seed)
    faults = FaultPlan(options.trouble, options.seed, seen=record.last_request)
    calls = Calls(options, Service(options.account, record), faults, pusher)
    control = Control(options.account, record, calls, faults, pusher)
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
