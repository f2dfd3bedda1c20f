"""``make demo``: run to its end, run again for the same campaign, and interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.console_pages import not_printed, steps_of

ROOT = Path(__file__).parents[2]
SECONDS_FOR_A_RUN = 240


def command(home: Path) -> list[str]:
    return [sys.executable, "-m", "examples.demo", "--home", str(home), "--campaign", "spring"]


def left_behind(home: Path) -> list[str]:
    """Return the demo's running processes, which have its home in their environment."""
    return [" ".join(process.cmdline()) for process in psutil.process_iter() if uses(process, home)]


def uses(process: psutil.Process, home: Path) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE and process.environ().get("AIRFLOW_HOME") == str(home)
    except psutil.Error:
        return False


def run(home: Path) -> str:
    completed = subprocess.run(
        command(home), cwd=ROOT, capture_output=True, text=True, timeout=SECONDS_FOR_A_RUN, check=False
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return completed.stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "home"


@pytest.fixture(scope="module")
def first(home: Path) -> str:
    return run(home)


@pytest.fixture(scope="module")
def second(home: Path, first: str) -> str:
    return run(home)


def funnel(printed: str) -> dict[str, int]:
    """Parse the printed funnel: line -> recipients."""
    lines = printed.partition("\nfunnel ")[2].partition("\n\n")[0].splitlines()[2:]
    cells = (line.strip().rsplit(maxsplit=1) for line in lines)
    return {name.strip(): int(number.replace(",", "")) for name, number in cells}


def test_the_funnel_accounts_for_every_customer_and_shows_why_some_got_no_message(first: str) -> None:
    shown = funnel(first)

    assert shown["requested"] == 1_000
    assert shown["accepted"] + shown["rejected"] + shown["listed again (duplicate)"] == 1_000
    assert (shown["accepted"], shown["in doubt"], shown["still to send"]) == (970, 0, 0)
    assert shown["phone: it is missing"] == 8
    assert shown["the service rejected the phone without giving a reason; check the number"] == 4


def test_the_demo_prints_what_the_readme_shows_of_it(first: str) -> None:
    [demo] = [
        step for step in steps_of((ROOT / "README.md").read_text(encoding="utf-8")) if step.text.startswith("make demo")
    ]

    assert len(demo.shown) > 10
    assert list(not_printed(demo.shown, first)) == []


def test_the_demo_shows_progress_times_and_what_to_look_at_next(first: str) -> None:
    for expected in (
        "start Airflow ...",
        "rcs_campaign.send: success",
        "task load",
        "rcs_campaign.py",
        "A real account",
    ):
        assert expected in first


def test_phones_are_masked_in_the_output(first: str) -> None:
    assert first.count("********") == 3


def test_a_second_run_of_the_campaign_sends_nobody_a_second_message_and_says_so(home: Path, second: str) -> None:
    assert "nobody was sent a second message" in second
    assert len((home / "sandbox-accepted.jsonl").read_bytes().splitlines()) == 970


def test_no_process_is_left_running(home: Path, second: str) -> None:
    assert left_behind(home) == []


@pytest.fixture
def stopped_home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "home"
    for process in psutil.process_iter():
        if uses(process, tmp_path / "home"):
            process.kill()


def test_ctrl_c_while_airflow_starts_leaves_no_process_running(stopped_home: Path) -> None:
    demo = subprocess.Popen(command(stopped_home), cwd=ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert demo.stdout is not None
    for line in demo.stdout:
        if "start Airflow" in line:
            break
    deadline = time.monotonic() + 30
    while len(left_behind(stopped_home)) < 4 and time.monotonic() < deadline:
        time.sleep(0.1)

    os.killpg(demo.pid, signal.SIGINT)

    assert demo.wait(30) == 130
    assert left_behind(stopped_home) == []
