"""The command ``airflow-rcs``; each of its commands is a module beside this one, loaded when it is asked for."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from airflow_provider_rcs import __version__
from airflow_provider_rcs.api.errors import RcsError

_COMMANDS = {
    "sandbox": "run a stand-in for the RCS service, for trying and testing",
    "receiver": "run the web application that delivery reports are pushed to",
    "migrate": "make the store's tables, or bring them to this version",
    "preview": "show what a campaign to the rows of a query would send, and send nothing",
    "campaigns": "show where the campaigns of the store stand",
    "cancel": "end a campaign: send to nobody any more, and say so in the books",
    "resolve": "settle by hand what is in doubt, and say so in the books",
    "erase": "take a person out of the store, and list what the warehouse's tables need",
    "prune": "take out of the store what is old, except who must not be messaged twice",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command, and return the exit code: 0 if it went well, 2 if something has to be put right first."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="airflow-rcs", description="What a person does by hand for RCS campaigns.")
    parser.add_argument("--version", action="version", version=f"airflow-provider-rcs {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, help_text in _COMMANDS.items():
        command = commands.add_parser(name, help=help_text, description=f"{help_text[0].upper()}{help_text[1:]}.")
        if name in arguments:
            import_module(f"airflow_provider_rcs.cli.{name}").add_arguments(command)
    parsed = parser.parse_args(arguments)
    try:
        import_module(f"airflow_provider_rcs.cli.{parsed.command}").run(parsed)
    except (RcsError, ValueError) as error:
        print(f"airflow-rcs {parsed.command}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0
