"""The sandbox as a process of its own, for tests that need a service to talk to."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Self

import requests

from tests.ready_line import url_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECONDS_TO_STOP = 10


class SandboxProcess:
    """Runs ``python -m airflow_provider_rcs.sandbox``, and speaks to its control calls.

    Options are those of the command line: ``reply_shape="object"`` for ``--reply-shape object``, ``quiet=True`` for
    ``--quiet``, a list for an option given several times, a mapping for ``--code read=20``. The port is a free one
    unless it is given, and stays the same when the sandbox is started again.
    """

    def __init__(self, **options: Any) -> None:
        self._options: dict[str, Any] = {"port": 0, "login": "demo", "password": "demo-token", "quiet": True} | options
        self._process: subprocess.Popen[bytes] | None = None
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.auth = (self.login, self.password)
        self.url = ""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._session.close()

    @property
    def login(self) -> str:
        return str(self._options["login"])

    @property
    def password(self) -> str:
        return str(self._options["password"])

    def start(self, **changes: Any) -> None:
        """Start it, or start it again after ``stop`` or ``kill``, with some options changed; wait until it listens."""
        self._options |= changes
        self._process = subprocess.Popen(
            [sys.executable, "-m", "airflow_provider_rcs.sandbox", *_arguments(self._options)],
            stdout=subprocess.PIPE,
        )
        self.url = url_of(self._process, "sandbox")
        self._options["port"] = int(self.url.rpartition(":")[2])

    def stop(self) -> int:
        """Ask it to end, and give its exit code; does nothing more if it has ended already."""
        assert self._process is not None
        self._process.terminate()
        return self._end()

    def kill(self) -> None:
        """End it with no chance to say or write anything more."""
        assert self._process is not None
        self._process.kill()
        self._end()

    def accepted(self) -> list[dict[str, Any]]:
        """Everything that was accepted, an entry a message."""
        entries: list[dict[str, Any]] = self._get("accepted")
        return entries

    def heard(self) -> list[dict[str, Any]]:
        """The last calls, the newest last: ``call``, ``content_type``, and ``parameters`` as they were written."""
        calls: list[dict[str, Any]] = self._get("heard")["calls"]
        return calls

    def messages_per_phone(self) -> dict[str, int]:
        return dict(Counter(entry["phone"] for entry in self.accepted()))

    def statistics(self) -> dict[str, int]:
        statistics: dict[str, int] = self._get("statistics")
        return statistics

    def faults(self, faults: list[dict[str, Any]]) -> None:
        """Say what goes wrong with which send: ``{"request": 2, "kind": "reset_after"}``, or ``{"next": 1, ...}``."""
        self._post("faults", faults)

    def hold_reports(self) -> None:
        self._post("reports", {"action": "hold"})

    def release_reports(self) -> None:
        self._post("reports", {"action": "release"})

    def push_reports_again(self) -> None:
        self._post("reports", {"action": "push_again"})

    def send_reports_to(self, url: str | None, login: str | None = None, password: str = "", **more: str) -> None:
        """Aim reports at a URL, or nowhere; ``format="form"`` changes their format as well."""
        self._post("report-url", {"url": url, "login": login, "password": password, **more})

    def wait_until_reports_are_pushed(self, limit: float = 20) -> None:
        """Wait until no report is pending."""
        end = time.monotonic() + limit
        while pending := self.statistics()["reports_pending"]:
            assert time.monotonic() < end, f"{pending} reports still pending after {limit} s"
            time.sleep(0.02)

    def _get(self, call: str) -> Any:
        reply = self._session.get(f"{self.url}/_sandbox/{call}", timeout=30)
        assert reply.ok, reply.text
        return reply.json()

    def _post(self, call: str, content: Any) -> None:
        reply = self._session.post(f"{self.url}/_sandbox/{call}", json=content, timeout=60)
        assert reply.ok, reply.text

    def _end(self) -> int:
        assert self._process is not None
        code = self._process.wait(_SECONDS_TO_STOP)
        if self._process.stdout is not None:
            self._process.stdout.close()
        return code


def _arguments(options: Mapping[str, Any]) -> list[str]:
    arguments = []
    for name, value in options.items():
        flag = f"--{name.replace('_', '-')}"
        if value is True:
            arguments.append(flag)
        elif isinstance(value, dict):
            arguments += [part for key, each in value.items() for part in (flag, f"{key}={each}")]
        elif isinstance(value, (list, tuple, set, frozenset)):
            arguments += [part for each in value for part in (flag, str(each))]
        elif value is not None and value is not False:
            arguments += [flag, str(value)]
    return arguments
