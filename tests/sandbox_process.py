"""The sandbox in a process of its own, for tests that need a service."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Self

import requests

from tests.ready_line import url_of

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECONDS_TO_STOP = 60


class SandboxProcess:
    """Runs ``python -m airflow_provider_rcs.sandbox``, and controls it over HTTP.

    The options are those of the command line: ``reply_shape="object"`` for ``--reply-shape object``, ``quiet=True``
    for ``--quiet``, a list for a repeated option, a mapping for ``--code read=20``. By default, it listens on a free
    port, and keeps it when it is restarted.
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

    def connection(self, **extra: Any) -> str:
        """Return the connection to this sandbox, for an ``AIRFLOW_CONN_`` variable."""
        fields = {"conn_type": "rcs", "host": self.url, "login": self.login, "password": self.password}
        return json.dumps(fields | {"extra": extra})

    def start(self, **changes: Any) -> None:
        """Start or restart the process with changed options; wait until it listens."""
        self._options |= changes
        self._process = subprocess.Popen(
            [sys.executable, "-m", "airflow_provider_rcs.sandbox", *_arguments(self._options)],
            stdout=subprocess.PIPE,
        )
        self.url = url_of(self._process, "sandbox")
        self._options["port"] = int(self.url.rpartition(":")[2])

    def stop(self) -> int:
        """Terminate the process if it still runs, and return its exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._end()

    def kill(self) -> None:
        """Kill the process, so that it cannot reply or write anything more."""
        assert self._process is not None
        self._process.kill()
        self._end()

    def accepted(self) -> list[dict[str, Any]]:
        """Return every accepted message."""
        entries: list[dict[str, Any]] = self._get("accepted")
        return entries

    def calls(self) -> list[dict[str, Any]]:
        """Return the last calls, the newest last: ``call``, ``content_type``, and ``parameters`` as received."""
        calls: list[dict[str, Any]] = self._get("calls")["calls"]
        return calls

    def messages_per_phone(self) -> dict[str, int]:
        return dict(Counter(entry["phone"] for entry in self.accepted()))

    def statistics(self) -> dict[str, int]:
        statistics: dict[str, int] = self._get("statistics")
        return statistics

    def faults(self, faults: list[dict[str, Any]]) -> None:
        """Schedule faults of sends: ``{"request": 2, "kind": "reset_after"}``, or ``{"next": 1, ...}``."""
        self._post("faults", faults)

    def quirks(self, *names: str) -> None:
        """Switch on these quirks, and all others off."""
        self._post("quirks", names)

    def push_reply(self, phone: str, text: str) -> None:
        """Push a person's reply to the last message that the phone got."""
        self._post("replies", {"phone": phone, "text": text})

    def hold_reports(self) -> None:
        self._post("reports", {"action": "hold"})

    def release_reports(self) -> None:
        self._post("reports", {"action": "release"})

    def push_reports_again(self) -> None:
        self._post("reports", {"action": "push_again"})

    def send_reports_to(self, url: str | None, login: str | None = None, password: str = "") -> None:
        """Push reports to a URL, or to none."""
        self._post("report-url", {"url": url, "login": login, "password": password})

    def wait_until_reports_are_pushed(self, limit: float = 60) -> None:
        """Wait until no report and no person's reply is pending."""
        end = time.monotonic() + limit
        while pending := self.statistics()["reports_pending"]:
            assert time.monotonic() < end, f"{pending} reports are still pending after {limit} s"
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
