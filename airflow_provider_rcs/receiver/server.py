"""Running the receiver as a server of its own, with one or more processes."""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any, NoReturn

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.receiver.app import REPORTS_PATH

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_rcs.receiver.app import ReportsApp

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8071
_SECONDS_BETWEEN_CONNECTIONS = 0.02
_LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"level": "WARNING", "handlers": ["stderr"]},
    # The metrics log a line a minute; uvicorn logs when it starts, stops or replaces a process.
    "loggers": {"airflow_provider_rcs.receiver": {"level": "INFO"}, "uvicorn.error": {"level": "INFO"}},
}
# What uvicorn is run with. Its default event loop is uvloop's, where that is installed.
UVICORN_OPTIONS: dict[str, Any] = {
    "http": "airflow_provider_rcs.receiver.http_protocol:LimitedHeadProtocol",
    "lifespan": "on",
    "ws": "none",
    "access_log": False,
    "log_config": _LOGGING,
    "server_header": False,
    "proxy_headers": False,
    "timeout_graceful_shutdown": 8,  # seconds; less than the ten after which container runtimes kill
}


def serve(
    load_app: Callable[[], ReportsApp], host: str = DEFAULT_HOST, port: int = DEFAULT_PORT, workers: int = 1
) -> None:
    """Serve until SIGTERM or SIGINT; print a line with the address once the server accepts connections.

    Requests that have begun are answered before it stops, within a time limit. Runs in a process of its own: it takes
    over signal handlers and logging.

    :param load_app: a function of a module, which each process imports; calls :func:`prepare_process`.
    :param port: 0 for any free port.
    :raises RcsInputError: if the server cannot listen on the address.
    """
    import uvicorn

    port = _free_port(host, port)
    # uvicorn raises the signal again after its shutdown, which must not end the process as if it had been killed.
    signal.signal(signal.SIGTERM, lambda *_: _exit())
    threading.Thread(target=_announce, args=(host, port), daemon=True).start()
    path = f"{load_app.__module__}:{load_app.__qualname__}"
    uvicorn.run(path, factory=True, host=host, port=port, workers=workers, **UVICORN_OPTIONS)
    _exit()


def prepare_process() -> None:
    """Prepare a process for serving, after everything that it needs is loaded."""
    # What is loaded by now stays for good. Scanning all of it for garbage again and again takes a considerable part of
    # the time, and delays the responses that fall into a scan.
    gc.collect()
    gc.freeze()
    if (supervisor := multiprocessing.parent_process()) is not None:
        threading.Thread(target=_stop_with, args=(supervisor.sentinel,), daemon=True).start()


def _exit() -> NoReturn:
    """End the process without Python's own end, which would take connections from threads that are using them.

    Nothing is lost: every request was answered, and what the threads have not committed is rolled back or retried.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _stop_with(sentinel: int) -> None:
    """Stop this worker when its supervisor has exited, for whatever reason: uvicorn leaves it running."""
    wait([sentinel])
    os.kill(os.getpid(), signal.SIGTERM)


def _free_port(host: str, port: int) -> int:
    """Return the port, or a free one for 0; uvicorn would exit without an error that says what to do."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.create_server((host, port), family=family) as listener:
            return int(listener.getsockname()[1])
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise RcsInputError(
            "host and port", f"cannot listen on {host}:{port} ({reason})", "Choose another host or port."
        ) from None


def _announce(host: str, port: int) -> None:
    """Print the address once it accepts connections; a process listens only when it is ready to answer."""
    while True:
        try:
            socket.create_connection((host, port)).close()
        except OSError:
            time.sleep(_SECONDS_BETWEEN_CONNECTIONS)
        else:
            authority = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            return print(f"receiver ready on http://{authority}{REPORTS_PATH}", flush=True)
