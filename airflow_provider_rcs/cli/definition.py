"""The command ``airflow rcs``: all commands of ``airflow-rcs`` as a group of Airflow's own command line."""

from __future__ import annotations

import argparse
import sys
from functools import partial

from airflow.cli.cli_config import ActionCommand, Arg, GroupCommand

from airflow_provider_rcs.cli.main import COMMANDS, add_options_when_parsed, run_command

_GROUP = "rcs"


class _Options(Arg):
    """All options of a command. Airflow makes the parsers of all commands for each of them, and needs one."""

    def __init__(self, command: str) -> None:
        super().__init__(flags=("options",))  # type: ignore[no-untyped-call]
        self._command = command

    def add_to_parser(self, parser: argparse.ArgumentParser) -> None:
        """Add the options when the command is parsed."""
        add_options_when_parsed(parser, self._command)


def get_rcs_cli_commands() -> list[GroupCommand]:
    """Return the group with its commands; Airflow calls this whenever it parses a command line."""
    commands = [
        ActionCommand(name, help_text, partial(_run, name), [_Options(name)]) for name, help_text in COMMANDS.items()
    ]
    return [GroupCommand(name=_GROUP, help="Manage RCS campaigns by hand", subcommands=commands)]


def _run(name: str, arguments: argparse.Namespace) -> None:
    if code := run_command(f"airflow {_GROUP}", name, arguments):
        sys.exit(code)
