"""What the commands load, seen in a process of its own."""

from __future__ import annotations

import re
import subprocess
import sys

from tests.unit.cli.test_main import COMMANDS

EXPLAINS_ALL = """
import sys
from airflow_provider_rcs.cli.main import main
for command in sys.argv[1:]:
    try:
        main([command, "--help"])
    except SystemExit as end:
        assert end.code == 0
    print(command, "has loaded", [name for name in ("airflow", "pandas") if name in sys.modules])
"""


def test_no_command_loads_airflow_to_explain_itself() -> None:
    # One fresh process for all of them: what a command loads is seen right after it.
    ended = subprocess.run([sys.executable, "-c", EXPLAINS_ALL, *COMMANDS], capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert re.findall(r"^(\w+) has loaded (.*)$", ended.stdout, re.MULTILINE) == [(each, "[]") for each in COMMANDS]
