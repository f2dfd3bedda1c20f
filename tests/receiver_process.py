"""The standalone receiver as a process of its own, for tests that push reports to it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Self

import psutil

from airflow_provider_rcs.get_provider_info import STORE_URL_VARIABLE
from airflow_provider_rcs.receiver.config import REPORTS_LOGIN, REPORTS_PASSWORD
from tests.ready_line import url_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# The command ``airflow-rcs``, of the code that is tested.
COMMAND = "import sys; from airflow_provider_rcs.cli.main import main; sys.exit(main())"
_SECONDS_TO_STOP = 60


class ReceiverProcess:
    """Runs ``airflow-rcs receiver`` on a migrated store, as a context manager.

    ``url`` is the full address for pushed reports, once it has started.

    :param store_url: the SQLAlchemy URL of the store.
    :param port: by default any free port; the receiver keeps it when it is started again.
    :param environment: further environment variables.
    :param arguments: further arguments of the command.
    """

    def __init__(
        self,
        store_url: str,
        *,
        login: str = "reports",
        password: str = "reports-password",
        port: int = 0,
        environment: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
    ) -> None:
        self.login = login
        self.password = password
        self.url = ""
        self._port = port
        self._arguments = arguments
        self._environment = {
            **os.environ,
            STORE_URL_VARIABLE: store_url,
            REPORTS_LOGIN: login,
            REPORTS_PASSWORD: password,
            **(environment or {}),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def port(self) -> int:
        return self._port

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the receiver, also after ``stop`` or ``kill``, and wait until it listens."""
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-c", COMMAND, "receiver"),
                *("--host", "127.0.0.1", "--port", str(self._port)),
                *self._arguments,
            ],
            env=self._environment,
            stdout=subprocess.PIPE,
        )
        self.url = url_of(self._process, "receiver")
        self._port = int(self.url.split("/")[2].rpartition(":")[2])

    def workers(self) -> list[psutil.Process]:
        """Return the receiver's worker processes."""
        assert self._process is not None
        return [each for each in psutil.Process(self._process.pid).children() if _is_worker(each)]

    def terminate(self) -> None:
        """Send SIGTERM without waiting."""
        assert self._process is not None
        self._process.terminate()

    def stop(self) -> int:
        """Send SIGTERM, wait, and return the exit code; return it as well if the receiver has already exited."""
        self.terminate()
        return self._wait()

    def kill(self) -> None:
        """Kill the receiver, so that it cannot commit or answer anything more."""
        assert self._process is not None
        self._process.kill()
        self._wait()

    def _wait(self) -> int:
        assert self._process is not None
        try:
            code = self._process.wait(_SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(_SECONDS_TO_STOP)
            raise
        finally:
            if self._process.stdout is not None:
                self._process.stdout.close()
        return code


def _is_worker(process: psutil.Process) -> bool:
    try:
        # multiprocessing has a process of its own beside them.
        return "spawn_main" in " ".join(process.cmdline())
    except psutil.Error:
        return False  # It has ended.
