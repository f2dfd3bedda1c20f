"""The receiver as a server of its own."""

from __future__ import annotations

import os
import signal
import socket
from typing import Any

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.receiver.app import REPORTS_PATH, ReportsApp
from airflow_provider_rcs.receiver.settings import STORE_URL, reports_credentials, store_url
from airflow_provider_rcs.store.engine import engine_from_url

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
    return ReportsApp(lambda: engine, lambda: credentials)


def run(app: ReportsApp, host: str = DEFAULT_HOST, port: int = DEFAULT_PORT) -> None:
    """Serve until SIGTERM or SIGINT, and say in a line when and where it listens.

    Requests that have begun are answered before it ends, within a time limit. For a process of its own: it takes the
    signals and the log over.

    :param port: 0 for a free one.
    :raises RcsStoreError: if the store cannot be reached, or lacks its tables.
    :raises RcsInputError: if the address cannot be listened on.
    """
    import uvicorn

    app.require_store()
    config = uvicorn.Config(
        app,
        lifespan="on",
        ws="none",
        access_log=False,
        log_config=_LOGGING,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_SECONDS_TO_FINISH,
    )
    config.load()
    listener = _listen(host, port)
    server = uvicorn.Server(config)
    # uvicorn raises the signal again once it has shut down, and then it must not end the process as if by accident.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, server.handle_exit)
    print(f"receiver ready on http://{_authority(host, listener)}{REPORTS_PATH}", flush=True)
    server.run(sockets=[listener])


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
