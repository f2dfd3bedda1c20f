"""Watching an Airflow whose processes run beside the test: waiting for what it does, and all that it has logged."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from airflow_provider_rcs.demo.home import Home

Found = TypeVar("Found")


def look_until_found(
    look: Callable[[], Found | None], what: str, seconds: float, home: Home, require_running: Callable[[], object]
) -> Found:
    """Look again and again until there is something to see; if it takes too long, show the last that was logged.

    :param require_running: fails if a process has ended that must not.
    """
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, f"{what}: not after {seconds} s\n{all_logs(home)[-8_000:]}"
        require_running()
        time.sleep(0.1)
    return found


def all_logs(home: Home) -> str:
    """Return everything that any process has logged."""
    files = [*sorted((home.folder / "logs").rglob("*.log")), *sorted(home.logs.glob("*.log"))]
    return "\n".join(file.read_text(encoding="utf-8", errors="replace") for file in files)
