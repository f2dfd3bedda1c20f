"""A group of background processes that are stopped together."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import psutil

_SECONDS_TO_STOP = 8.0


class ProcessDiedError(RuntimeError):
    """A background process ended unexpectedly; its log shows why."""


class Processes:
    """Starts background processes; leaving the ``with`` block stops them with all their children.

    :param logs: folder of their logs.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Processes:
        self._logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A second Ctrl-C during the stop would leave some processes running.
        handlers = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            self.stop()
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start a process, with its output redirected to its log."""
        with self.log(name).open("wb") as output:
            # In a session of its own, so that Ctrl-C only reaches this process, which then stops the others.
            self._running[name] = subprocess.Popen(  # noqa: S603 - the commands are the demo's own
                command,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def log(self, name: str) -> Path:
        """Return the path of a process's log."""
        return self._logs / f"{name}.log"

    def wait_for_line(self, name: str, beginning: str, seconds: float) -> str:
        """Wait for a line of output with this beginning, and return the rest of the line.

        :raises ProcessDiedError: if a process ends first.
        :raises TimeoutError: if the line does not appear in time.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for line in self.log(name).read_text(encoding="utf-8", errors="replace").splitlines():
                if line.startswith(beginning):
                    return line.removeprefix(beginning).strip()
            self.require_running()
            time.sleep(0.05)
        raise TimeoutError(f"{name} was not ready within {seconds:.0f} s; see {self.log(name)}")

    def require_running(self) -> None:
        """Check that every process is still running.

        :raises ProcessDiedError: if one has ended; the message includes the end of its log.
        """
        for name, process in self._running.items():
            if process.poll() is not None:
                end_of_log = self.log(name).read_text(encoding="utf-8", errors="replace").splitlines()[-15:]
                raise ProcessDiedError(
                    "\n".join(
                        [
                            f"{name} ended with code {process.returncode}; the last lines of {self.log(name)}:",
                            *end_of_log,
                        ]
                    )
                )

    def stop(self, *names: str) -> None:
        """Terminate processes with their children, and kill those that do not end in time.

        :param names: names of the processes; without any, all are stopped.
        """
        stopped = [self._running.pop(name) for name in names or tuple(self._running)]
        family = [member for process in stopped for member in _with_descendants(process.pid)]
        for process in stopped:
            _signal_group(process.pid, signal.SIGTERM)
        _, alive = psutil.wait_procs(family, timeout=_SECONDS_TO_STOP)
        for member in alive:
            member.kill()
        for process in stopped:
            _signal_group(process.pid, signal.SIGKILL)
            process.wait()


def _with_descendants(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _signal_group(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, number)
