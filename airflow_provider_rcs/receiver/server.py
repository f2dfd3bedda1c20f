"""The receiver as a server of its own."""

from __future__ import annotations

import gc
import logging
import logging.config
import os
import signal
import socket
from typing import TYPE_CHECKING, Any

from airflow_provider_rcs.api.errors import RcsInputError, RcsStoreUnavailable
from airflow_provider_rcs.receiver.app import REPORTS_PATH, ReportsApp
from airflow_provider_rcs.receiver.config import (
    STORE_URL,
    reports_credentials,
    reports_spool,
    reports_timezone,
    store_url,
    trusted_proxies,
)
from airflow_provider_rcs.receiver.workers import LISTENER, Workers, end_with_the_parent, is_worker
from airflow_provider_rcs.store.engine import engine_from_url

if TYPE_CHECKING:
    from collections.abc import Sequence

    import uvicorn
    from starlette.types import ASGIApp

log = logging.getLogger(__name__)

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8071
_SECONDS_TO_FINISH = 8  # less than the ten after which containers are killed
_CONNECTIONS_IN_LINE = 2048
_LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"level": "WARNING", "handlers": ["stderr"]},
    # The counters say a line a minute.
    "loggers": {"airflow_provider_rcs.receiver": {"level": "INFO"}},
}


def app_from_environment() -> ReportsApp:
    """Return the application that the environment describes; also a factory for ``uvicorn --factory``.

    :raises RcsInputError: if the environment names no store, or half of the credentials.
    :raises RcsStoreError: if the store cannot be used.
    """
    url = store_url(os.environ)
    if url is None:
        raise RcsInputError(STORE_URL, "it is not set", "Set it to the SQLAlchemy URL of the store.")
    engine, credentials = engine_from_url(url), reports_credentials(os.environ)
    return ReportsApp(
        lambda: engine,
        lambda: credentials,
        spool=reports_spool(os.environ, engine.url),
        proxies=trusted_proxies(os.environ),
        timezone=reports_timezone(os.environ),
    )


def run(app: ReportsApp, host: str = DEFAULT_HOST, port: int = DEFAULT_PORT) -> None:
    """Serve until SIGTERM or SIGINT, and say in a line when and where it listens.

    Requests that have begun are answered before it ends, within a time limit. For a process of its own: it takes the
    signals and the log over.

    A store that cannot be reached does not keep it from starting, because then the spool takes the reports.

    :param port: 0 for a free one.
    :raises RcsStoreError: if the store lacks its tables.
    :raises RcsInputError: if the address cannot be listened on.
    """
    import uvicorn

    logging.config.dictConfig(_LOGGING)
    try:
        app.require_store()
    except RcsStoreUnavailable as error:
        log.error("It starts nevertheless, and reports go to the spool: %s", error)  # noqa: TRY400 - no data in logs
    config = server_config(app)
    config.load()
    # What is loaded by now stays for good: to look through all of it for garbage, again and again, takes a good part of
    # the time, and an answer that falls into it is late.
    gc.collect()
    gc.freeze()
    listener = socket.socket(fileno=int(os.environ[LISTENER])) if is_worker(os.environ) else _listen(host, port)
    server = uvicorn.Server(config)
    # uvicorn raises the signal again once it has shut down, and then it must not end the process as if by accident.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.handle_exit)
    if is_worker(os.environ):
        end_with_the_parent()
    _say_ready(host, listener)
    server.run(sockets=[listener])


def server_config(app: ASGIApp) -> uvicorn.Config:
    """Return how the server serves an application."""
    import uvicorn

    from airflow_provider_rcs.receiver.http_protocol import PatientProtocol

    return uvicorn.Config(
        app,
        http=PatientProtocol,
        lifespan="on",
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_SECONDS_TO_FINISH,
    )


def run_workers(command: Sequence[str], workers: int, host: str = DEFAULT_HOST, port: int = DEFAULT_PORT) -> None:
    """Serve with several processes until SIGTERM or SIGINT; each is as ``run`` is.

    :param command: the arguments of the Python that runs one of them.
    :raises RcsInputError: if the address cannot be listened on.
    :raises SystemExit: if one of them ends before it is ready; it has said why.
    """
    logging.config.dictConfig(_LOGGING)
    with _listen(host, port) as listener:
        listener.set_inheritable(True)
        processes = Workers(command, workers, listener)
        code = processes.start()
        if code:
            raise SystemExit(code)
        _say_ready(host, listener)
        processes.look_after()


def _say_ready(host: str, listener: socket.socket) -> None:
    print(f"receiver ready on http://{_authority(host, listener)}{REPORTS_PATH}", flush=True)


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_CONNECTIONS_IN_LINE)
    except OSError as error:
        raise RcsInputError(
            "host and port", f"{host}:{port} cannot be listened on ({error.strerror})", "Choose others."
        ) from None


def _authority(host: str, listener: socket.socket) -> str:
    port = listener.getsockname()[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
