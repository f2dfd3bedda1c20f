"""``airflow rcs``; tests/integration/cli/test_connections_of_airflow.py runs it."""

from __future__ import annotations

import re

import pytest
from airflow.cli.cli_parser import get_parser

from airflow_provider_rcs.cli.main import COMMANDS, main

HEADINGS = {"usage:", "positional", "arguments:", "options:"}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.slow
def test_help_in_airflows_command_line_has_every_word_of_our_own(
    capsys: pytest.CaptureFixture[str], command: str
) -> None:
    get_parser.cache_clear()

    with pytest.raises(SystemExit):
        main([command, "--help"])
    ours = _words(capsys.readouterr().out)
    with pytest.raises(SystemExit):
        get_parser().parse_args(["rcs", command, "--help"])
    airflows = _words(capsys.readouterr().out)

    assert ours - airflows - HEADINGS == set()


def _words(text: str) -> set[str]:
    # The two break lines at different places, also after a hyphen.
    return set(re.findall(r"[\w']+:?", text.lower()))
