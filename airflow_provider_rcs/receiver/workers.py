"""Several receivers behind one address: processes that share a listening socket, and one that looks after them."""

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
_SECONDS_TO_FINISH = 10
_SECONDS_TO_LOOK_AGAIN = 0.5


class Workers:
    """Starts processes, starts those again that end, and ends them all.

    :param command: what each of them runs; it finds the number of its listening socket in the environment.
    :param listener: the socket that they share.
    """

    def __init__(self, command: Sequence[str], number: int, listener: socket.socket) -> None:
        self._command = [sys.executable, *command]
        self._number = number
        self._listener = listener
        self._processes: list[subprocess.Popen[bytes]] = []
        self._told_to_end = threading.Event()

    def start(self) -> int:
        """Start them, and wait until each is ready; return 0, or the exit code of one that ended before."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._told_to_end.set())
        self._processes = [self._start_one() for _ in range(self._number)]
        for process in self._processes:
            if process.stdout is None or not process.stdout.readline():
                code = process.wait()
                self._end()
                return code or 1
        return 0

    def look_after(self) -> None:
        """Keep them running until told to end by a signal; then have them finish what they have begun."""
        while not self._told_to_end.wait(_SECONDS_TO_LOOK_AGAIN):
            for index, process in enumerate(self._processes):
                if process.poll() is not None:
                    log.error("A worker of the receiver ended with %s; another one is started", process.returncode)
                    self._processes[index] = self._start_one()
        self._end()

    def _start_one(self) -> subprocess.Popen[bytes]:
        number = self._listener.fileno()
        return subprocess.Popen(  # noqa: S603 - our own command
            self._command,
            env={**os.environ, LISTENER: str(number)},
            pass_fds=[number],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def _end(self) -> None:
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(_SECONDS_TO_FINISH)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def is_worker(environment: Mapping[str, str]) -> bool:
    """Tell whether this process is one of several."""
    return LISTENER in environment


def end_with_the_parent() -> None:
    """Have this worker end when the process that looks after it is gone, however that came to be."""

    def wait() -> None:
        # The other end of it is the parent's, and nothing is ever written.
        while os.read(0, 1):
            continue
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="rcs-reports-parent", daemon=True).start()
