"""A send in a script that Ctrl-C stops, in a real terminal."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import sqlalchemy as sa

from tests.sandbox_process import SandboxProcess

SCRIPT = """
from airflow_provider_rcs import campaigns
people = [{"phone": f"+34601{number:06}", "name": "Ana"} for number in range(1_000)]
print(campaigns.send(people, template_id="1234569", campaign="script", batch_size=20, max_in_flight=2))
"""
SECONDS_TO_WAIT = 240


def read_until(terminal: int, text: bytes) -> bytes:
    """Return what a terminal has shown when a text has appeared; fail if it takes too long."""
    shown, deadline = b"", time.monotonic() + SECONDS_TO_WAIT
    while text not in shown:
        assert time.monotonic() < deadline, shown
        shown += os.read(terminal, 4096)
    return shown


def test_ctrl_c_stops_a_script_and_running_it_again_sends_the_rest(
    sandbox: SandboxProcess, store: sa.Engine, tmp_path: Path
) -> None:
    terminal, its_end = pty.openpty()
    command = [sys.executable, "-c", SCRIPT]
    with subprocess.Popen(command, stderr=its_end, stdout=subprocess.DEVNULL) as process:
        os.close(its_end)
        read_until(terminal, b"recipients processed")
        process.send_signal(signal.SIGINT)
        read_until(terminal, b"To go on, call send with the same arguments")
        process.wait(SECONDS_TO_WAIT)
    os.close(terminal)
    reached = len([phone for phone in sandbox.messages_per_phone() if phone.startswith("34601")])

    again = subprocess.run(command, capture_output=True, text=True, check=True, timeout=SECONDS_TO_WAIT)

    assert 0 < reached < 1_000
    assert "1,000 requested, 1,000 accepted" in again.stdout
    messages = sandbox.messages_per_phone()
    assert [messages[f"34601{number:06}"] for number in range(1_000)] == [1] * 1_000
