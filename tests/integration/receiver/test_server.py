"""The receiver's server, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.receiver_process import COMMAND

HEAVY = ("airflow", "pandas", "fastapi", "phonenumbers")


def start(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW_RCS_")}
    return subprocess.run(
        [sys.executable, *arguments],
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_receiver_that_needs_no_connection_of_airflow_imports_no_heavy_library(tmp_path: Path) -> None:
    code = (
        "import sys; from airflow_provider_rcs.cli.receiver import load_app; load_app(); "
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )

    credentials = {"AIRFLOW_RCS_REPORTS_LOGIN": "panel", "AIRFLOW_RCS_REPORTS_PASSWORD": "panel-password"}
    result = start("-c", code, AIRFLOW_RCS_STORE_URL=f"sqlite:///{tmp_path}/store.db", **credentials)

    assert result.stdout.strip() == "[]", result.stderr


def test_a_store_without_tables_stops_it_with_a_line_that_says_what_to_do(tmp_path: Path) -> None:
    result = start("-c", COMMAND, "receiver", "--port", "0", AIRFLOW_RCS_STORE_URL=f"sqlite:///{tmp_path}/store.db")

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        "airflow-rcs receiver: store: its tables are missing. Make them with: airflow-rcs migrate, or by the "
        f"DAG rcs_maintenance. There is no file {tmp_path}/store.db yet: check that the path is right.\n"
    )
