"""The benchmarks fill tables by statements of their own, which a new column of the store breaks."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.postgresql
def test_a_whole_send_is_measured_beside_its_limit() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.whole_send", "2000"], capture_output=True, text=True, env=dict(os.environ)
    )

    assert ended.returncode == 0, ended.stderr
    assert "2,000 recipients" in ended.stdout
    assert "The limit" in ended.stdout
