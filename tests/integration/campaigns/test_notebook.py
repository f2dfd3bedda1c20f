"""Previews, sends and results in a real Jupyter kernel."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from tests.integration.campaigns.kernel import Kernel, running_kernel
from tests.sandbox_process import SandboxProcess
from tests.stores import sqlite_store

PAGE = Path(__file__).parents[3] / "docs" / "send-from-a-notebook.md"
CELLS = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
SETUP = """
import pandas as pd
from airflow_provider_rcs import campaigns
people = pd.DataFrame({{"phone": [f"+346{{number:08}}" for number in range({first}, {end})], "name": "Ana"}})
"""
SEND = """campaigns.send(people, template_id="1234569", campaign="{campaign}", batch_size=20, max_in_flight=2)"""


@pytest.fixture(scope="module")
def environment(running_sandbox: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("store")
    sqlite_store(folder / "store.db")
    return {
        "AIRFLOW_CONN_RCS_DEFAULT": running_sandbox.connection(),
        "AIRFLOW_CONN_RCS_STORE": json.dumps({"conn_type": "sqlite", "host": f"{folder}/store.db"}),
        "AIRFLOW__RCS__LEASE_SECONDS": "3",
    }


@pytest.fixture(scope="module")
def kernel(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    with running_kernel(tmp_path_factory.mktemp("jupyter"), environment) as kernel:
        yield kernel


def messages(sandbox: SandboxProcess, first: int, end: int) -> set[int]:
    """Return how many messages each of the people of a setup got: the different numbers."""
    got = sandbox.messages_per_phone()
    return {got.get(f"346{number:08}", 0) for number in range(first, end)}


def test_the_cells_of_the_page_preview_send_and_show_results(kernel: Kernel) -> None:
    preview, sent, outcomes, funnel = [kernel.run(cell) for cell in CELLS]

    assert preview.result.endswith("Nothing was sent or recorded.")
    assert sent.result == "Campaign 'spring': 2 requested, 2 accepted"
    assert outcomes.result.count("accepted") == 2
    assert "SVG" in funnel.result
    assert sum(len([line for line in cell.splitlines() if line.strip()]) for cell in CELLS[:3]) <= 10


def test_a_bar_below_the_cell_counts_what_the_log_would(kernel: Kernel) -> None:
    kernel.run(SETUP.format(first=10_000, end=10_400))

    output = kernel.run(SEND.format(campaign="bar"))

    first, *_, last = output.of_kind("display_data", "update_display_data")
    assert re.fullmatch(r"Campaign bar: \d+ of 400 recipients processed: \d+ accepted", first)
    assert last == "Campaign bar: 400 of 400 recipients processed: 400 accepted"
    assert len(output.of_kind("display_data")) == 1
    assert '<progress value="400" max="400">' in output.html[-1]


def test_an_interrupted_cell_sends_no_more_and_running_it_again_sends_the_rest(
    kernel: Kernel, running_sandbox: SandboxProcess
) -> None:
    kernel.run(SETUP.format(first=20_000, end=21_000))
    send = SEND.format(campaign="interrupted")

    interrupted = kernel.run(send, interrupt_when=lambda kind: kind == "display_data")
    states = kernel.run('print(dict(campaigns.results("interrupted")["state"].value_counts()))').of_kind("stream")
    before = messages(running_sandbox, 20_000, 21_000)
    again = kernel.run(send)

    (error,) = interrupted.of_kind("error")
    assert error.startswith("KeyboardInterrupt")
    assert "To go on, call send with the same arguments" in error
    assert "planned" in states[-1]
    assert "in_doubt" not in states[-1]
    assert before == {0, 1}
    assert again.result == "Campaign 'interrupted': 1,000 requested, 1,000 accepted"
    assert messages(running_sandbox, 20_000, 21_000) == {1}


def test_two_notebooks_at_once_message_nobody_twice(
    kernel: Kernel, environment: dict[str, str], running_sandbox: SandboxProcess, tmp_path: Path
) -> None:
    cells = SETUP.format(first=30_000, end=31_000), SEND.format(campaign="two")
    with running_kernel(tmp_path, environment) as other:
        for each in (kernel, other):
            each.run(cells[0])

        at_once = Thread(target=other.run, args=(cells[1],))
        at_once.start()
        sent = kernel.run(cells[1])
        at_once.join()

    assert sent.result == "Campaign 'two': 1,000 requested, 1,000 accepted"
    assert messages(running_sandbox, 30_000, 31_000) == {1}


def test_an_error_is_the_providers_own_with_its_remedy(kernel: Kernel) -> None:
    kernel.run(SETUP.format(first=50_000, end=50_002))

    output = kernel.run('campaigns.send(people, template_id="1234569", campaing="spring")')

    (error,) = output.of_kind("error")
    assert error.startswith("RcsInputError")
    assert "campaing: there is no such argument. Did you mean campaign?" in error


def test_a_notebook_finds_connections_that_airflow_keeps_in_its_database(
    environment: dict[str, str], running_sandbox: SandboxProcess, tmp_path: Path
) -> None:
    home = {"AIRFLOW_HOME": str(tmp_path / "airflow")}
    airflow(home, "db", "migrate")
    for conn_id, variable in [("rcs_default", "AIRFLOW_CONN_RCS_DEFAULT"), ("rcs_store", "AIRFLOW_CONN_RCS_STORE")]:
        airflow(home, "connections", "add", conn_id, "--conn-json", environment[variable])

    with running_kernel(tmp_path, home) as kernel:
        kernel.run(SETUP.format(first=60_000, end=60_002))
        sent = kernel.run(SEND.format(campaign="database"))

    assert sent.result == "Campaign 'database': 2 requested, 2 accepted"
    assert messages(running_sandbox, 60_000, 60_002) == {1}


def airflow(home: dict[str, str], *arguments: str) -> None:
    """Run a command of Airflow that must succeed."""
    command = [sys.executable, "-m", "airflow", *arguments]
    subprocess.run(command, env=os.environ | home, check=True, capture_output=True, timeout=120)
