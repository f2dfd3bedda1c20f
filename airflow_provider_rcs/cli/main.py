"""The command ``airflow-rcs``; each subcommand is a module beside this one, loaded when it is used."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from airflow_provider_rcs import __version__
from airflow_provider_rcs.api.errors import RcsError

_COMMANDS = {
    "doctor": "check what a new setup gets wrong, and say what to do",
    "sandbox": "run a stand-in for the RCS service, for trials and tests",
    "receiver": "run the web application that receives delivery reports",
    "migrate": "create the store's tables, or upgrade them to this version",
    "preview": "show what a campaign to the rows of a query would send, without sending it",
    "campaigns": "list the campaigns of the store with their progress",
    "cancel": "cancel a campaign, so that nothing more is sent",
    "resolve": "resolve messages in doubt by hand",
    "refold": "apply changed status codes to the reports that have landed",
    "refused": "list the bodies that could not be read, and read them again",
    "suppress": "add, import, remove and list phones that no campaign may message",
    "erase": "erase a person from the store, and print the SQL for copies in a warehouse",
    "prune": "remove old data from the store, without allowing a second message to anyone",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 for success, 2 for an error that the caller has to fix.

    ``doctor`` returns 1 for warnings.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="airflow-rcs", description="Manage RCS campaigns by hand.")
    parser.add_argument("--version", action="version", version=f"airflow-provider-rcs {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, help_text in _COMMANDS.items():
        command = commands.add_parser(name, help=help_text, description=f"{help_text[0].upper()}{help_text[1:]}.")
        if name in arguments:
            import_module(f"airflow_provider_rcs.cli.{name}").add_arguments(command)
    parsed = parser.parse_args(arguments)
    try:
        code: int | None = import_module(f"airflow_provider_rcs.cli.{parsed.command}").run(parsed)
    except (RcsError, ValueError) as error:
        print(f"airflow-rcs {parsed.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return code or 0
