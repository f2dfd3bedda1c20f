"""Running the receiver as a server of its own."""

from __future__ import annotations

import gc
import logging
import logging.config
import os
import signal
import socket
from typing import TYPE_CHECKING, Any

from airflow_provider_rcs.api.errors import RcsInputError, RcsStoreUnavailable
from airflow_provider_rcs.receiver import config
from airflow_provider_rcs.receiver.app import REPORTS_PATH, ReportsApp
from airflow_provider_rcs.receiver.workers import LISTENER, Workers, is_worker, stop_with_parent
from airflow_provider_rcs.store.db.engine import engine_from_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    import uvicorn
    from starlette.types import ASGIApp

log = logging.getLogger(__name__)

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8071
_SHUTDOWN_TIMEOUT = 8  # seconds; less than the ten after which container runtimes kill
_BACKLOG = 2048
_LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"level": "WARNING", "handlers": ["stderr"]},
    # The metrics log a line a minute.
    "loggers": {"airflow_provider_rcs.receiver": {"level": "INFO"}},
}


def app_from_environment() -> ReportsApp:
    """Return the application that the environment configures; also a factory for ``uvicorn --factory``.

    :raises RcsInputError: if the environment names no store, or only one of login and password.
    :raises RcsStoreError: if the store cannot be used.
    """
    url = config.store_url_from_environment(os.environ)
    if url is None:
        raise RcsInputError(config.STORE_URL, "it is not set", "Set it to the SQLAlchemy URL of the store.")
    engine, credentials = engine_from_url(url), config.credentials_from_environment(os.environ)
    return ReportsApp(
        lambda: engine,
        lambda: credentials,
        spool=config.spool_from_environment(os.environ, engine.url),
        proxies=config.trusted_proxies_from_environment(os.environ),
        timezone=config.timezone_from_environment(os.environ),
    )


def run(app: ReportsApp, host: str = DEFAULT_HOST, port: int = DEFAULT_PORT) -> None:
    """Serve until SIGTERM or SIGINT; print a line with the address once the server listens.

    Requests that have begun are answered before it stops, within a time limit. Runs in a process of its own: it takes
    over signal handlers and logging.

    It starts even if the store cannot be reached, because then the spool accepts the reports.

    :param port: 0 for any free port.
    :raises RcsStoreError: if the store has no tables.
    :raises RcsInputError: if the server cannot listen on the address.
    """
    import uvicorn

    logging.config.dictConfig(_LOGGING)
    try:
        app.require_store()
    except RcsStoreUnavailable as error:
        log.error("Starting without the store, so reports go to the spool: %s", error)  # noqa: TRY400 - no data in logs
    uvicorn_config = server_config(app)
    uvicorn_config.load()
    # What is loaded by now stays for good. Scanning all of it for garbage again and again takes a considerable part of
    # the time, and delays the responses that fall into a scan.
    gc.collect()
    gc.freeze()
    listener = socket.socket(fileno=int(os.environ[LISTENER])) if is_worker(os.environ) else _listen(host, port)
    server = uvicorn.Server(uvicorn_config)
    # uvicorn raises the signal again after its shutdown, which must not end the process as if it had been killed.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.handle_exit)
    if is_worker(os.environ):
        stop_with_parent()
    _print_ready(host, listener)
    server.run(sockets=[listener])


def server_config(app: ASGIApp) -> uvicorn.Config:
    """Return uvicorn's configuration for an application."""
    import uvicorn

    from airflow_provider_rcs.receiver.http_protocol import LimitedHeadProtocol

    return uvicorn.Config(
        app,
        http=LimitedHeadProtocol,
        lifespan="on",
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_SHUTDOWN_TIMEOUT,
    )


def run_workers(command: Sequence[str], workers: int, host: str = DEFAULT_HOST, port: int = DEFAULT_PORT) -> None:
    """Serve with several processes until SIGTERM or SIGINT; each of them calls :func:`run`.

    :param command: the arguments with which Python runs one of them.
    :raises RcsInputError: if the server cannot listen on the address.
    :raises SystemExit: if one of them exits before it is ready; it has printed the reason.
    """
    logging.config.dictConfig(_LOGGING)
    with _listen(host, port) as listener:
        listener.set_inheritable(True)
        processes = Workers(command, workers, listener)
        code = processes.start()
        if code:
            raise SystemExit(code)
        _print_ready(host, listener)
        processes.supervise()


def _print_ready(host: str, listener: socket.socket) -> None:
    print(f"receiver ready on http://{_authority(host, listener)}{REPORTS_PATH}", flush=True)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise RcsInputError(
            "host and port", f"cannot listen on {host}:{port} ({error.strerror})", "Choose another host or port."
        ) from None


def _authority(host: str, listener: socket.socket) -> str:
    port = listener.getsockname()[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
