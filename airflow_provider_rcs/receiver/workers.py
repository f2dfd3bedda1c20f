"""Worker processes that share a listening socket, and the process that supervises them."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping, Sequence

log = logging.getLogger(__name__)

LISTENER = "AIRFLOW_RCS_LISTENER"
_SHUTDOWN_TIMEOUT = 10
_SECONDS_BETWEEN_CHECKS = 0.5


class Workers:
    """Starts worker processes, replaces those that exit, and stops them all.

    :param command: what each of them runs; it finds the file descriptor of its listening socket in the environment.
    :param listener: the socket that they share.
    """

    def __init__(self, command: Sequence[str], number: int, listener: socket.socket) -> None:
        self._command = [sys.executable, *command]
        self._number = number
        self._listener = listener
        self._processes: list[subprocess.Popen[bytes]] = []
        self._stop_requested = threading.Event()

    def start(self) -> int:
        """Start the workers and wait until each is ready; return 0, or the exit code of one that exited before."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop_requested.set())
        self._processes = [self._start_one() for _ in range(self._number)]
        for process in self._processes:
            if process.stdout is None or not process.stdout.readline():
                code = process.wait()
                self._stop()
                return code or 1
        return 0

    def supervise(self) -> None:
        """Replace workers that exit, until a signal requests a stop; then let them finish what they have begun."""
        while not self._stop_requested.wait(_SECONDS_BETWEEN_CHECKS):
            for index, process in enumerate(self._processes):
                if process.poll() is not None:
                    log.error("A receiver worker exited with %s; starting another one", process.returncode)
                    self._processes[index] = self._start_one()
        self._stop()

    def _start_one(self) -> subprocess.Popen[bytes]:
        descriptor = self._listener.fileno()
        return subprocess.Popen(  # noqa: S603 - our own command
            self._command,
            env={**os.environ, LISTENER: str(descriptor)},
            pass_fds=[descriptor],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def _stop(self) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(_SHUTDOWN_TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def is_worker(environment: Mapping[str, str]) -> bool:
    """Return whether this process is one of several workers."""
    return LISTENER in environment


def stop_with_parent() -> None:
    """Stop this worker when the process that supervises it has exited, for whatever reason."""

    def wait() -> None:
        # The parent holds the other end of the pipe and never writes to it, so reading ends when the parent has exited.
        while os.read(0, 1):
            continue
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="rcs-reports-parent", daemon=True).start()
