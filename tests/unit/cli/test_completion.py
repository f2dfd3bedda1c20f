"""What a shell completes on the command line, by argcomplete."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
from airflow_provider_rcs.cli.main import main
main()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "completed"),
    [
        ("airflow-rcs camp", {"campaigns"}),
        ("airflow-rcs campaigns --outp", {"--output"}),
        ("airflow-rcs campaigns --output ", {"table", "json", "yaml", "plain"}),
        ("airflow-rcs suppress re", {"remove"}),
        ("airflow-rcs suppress list --show", {"--show-phones"}),
    ],
)
def test_a_shell_completes_commands_actions_options_and_choices(line: str, completed: set[str], tmp_path: Path) -> None:
    answer = tmp_path / "answer"
    shell = {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
    }

    subprocess.run([sys.executable, "-c", PROGRAM], env={**os.environ, **shell}, check=True)

    assert {each.strip() for each in answer.read_text(encoding="utf-8").split("\n")} == completed
