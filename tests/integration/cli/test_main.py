"""What the command line imports, seen in a new process."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from tests.unit.cli.conftest import store_url
from tests.unit.cli.test_main import COMMANDS

__all__ = ["store_url"]

HELP_OF_EACH = """
import sys
from airflow_provider_rcs.cli.main import main
for command in sys.argv[1:]:
    try:
        main([command, "--help"])
    except SystemExit as end:
        assert end.code == 0
    print(command, "imported", [name for name in ("airflow", "pandas") if name in sys.modules])
"""


def test_help_of_no_command_imports_airflow_or_pandas() -> None:
    # One process for all commands: what each imports is checked right after it.
    process = subprocess.run(
        [sys.executable, "-c", HELP_OF_EACH, *COMMANDS], capture_output=True, text=True, check=False
    )

    assert (process.returncode, process.stderr) == (0, "")
    assert re.findall(r"^(\w+) imported (.*)$", process.stdout, re.MULTILINE) == [(each, "[]") for each in COMMANDS]


def test_a_command_with_a_store_url_does_not_import_airflow(store_url: str) -> None:
    program = "from airflow_provider_rcs.cli.main import main; import sys; main(); print('airflow' in sys.modules)"

    process = subprocess.run(
        [sys.executable, "-c", program, "refused", "list", "--store-url", store_url],
        capture_output=True,
        text=True,
        check=False,
    )

    assert process.stdout == "No body is refused.\nFalse\n", process.stderr


@pytest.mark.parametrize("command", [("campaigns",), ("doctor",)])
def test_what_airflow_prints_does_not_get_among_the_rows(store_url: str, command: tuple[str, ...]) -> None:
    # Airflow warns of a password that it is too short to be masked.
    account = json.dumps({"conn_type": "rcs", "host": "http://127.0.0.1:9", "login": "user", "password": "pass"})
    program = "from airflow_provider_rcs.cli.main import main; main()"

    process = subprocess.run(
        [sys.executable, "-c", program, *command, "--output", "json", "--store-url", store_url],
        env={**os.environ, "AIRFLOW_CONN_RCS_DEFAULT": account},
        capture_output=True,
        text=True,
        check=False,
    )

    assert "too short" in process.stderr
    assert isinstance(json.loads(process.stdout), list)
