"""The command ``airflow-rcs``; each subcommand is a module beside this one, loaded when it is used."""
# PYTHON_ARGCOMPLETE_OK: a shell with global completion asks only programs that say this.

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from airflow_provider_rcs import __version__
from airflow_provider_rcs.api.errors import RcsError
from airflow_provider_rcs.cli.advice import in_options
from airflow_provider_rcs.cli.exit_codes import INTERRUPTED, READER_GONE, describe_exit_codes, exit_code_of
from airflow_provider_rcs.cli.help import PROGRAM
from airflow_provider_rcs.connections import connections_of_the_database

COMMANDS = {
    "doctor": "check what a new setup gets wrong, and say what to do",
    "sandbox": "run a stand-in for the RCS service, for trials and tests",
    "receiver": "run the web application that receives delivery reports",
    "migrate": "create the store's tables, or upgrade them to this version",
    "preview": "show what a campaign to the rows of a query would send, without sending it",
    "campaigns": "list the campaigns of the store with their progress",
    "accounts": "list the accounts of the store, and say that one has another login or host by now",
    "check": "count the messages anew, and compare them with the counts that the store keeps",
    "cancel": "cancel a campaign, so that nothing more is sent",
    "resolve": "resolve messages in doubt by hand",
    "refold": "apply changed status codes to the reports that have landed",
    "refused": "list the bodies that could not be read, and read them again",
    "suppress": "add, import, remove and list phones that no campaign may message",
    "erase": "erase a person from the store, and print the SQL for copies in a warehouse",
    "prune": "remove old data from the store, without allowing a second message to anyone",
}


# A shell that completes a command line sets both.
_IS_COMPLETING, _LINE = "_ARGCOMPLETE", "COMP_LINE"


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code."""
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Manage RCS campaigns by hand.",
        epilog=f"{describe_exit_codes()}\n\nEach command has its own help, which ends with an example: "
        f"{PROGRAM} doctor --help",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"airflow-provider-rcs {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, help_text in COMMANDS.items():
        command = commands.add_parser(name, help=help_text, description=f"{help_text[0].upper()}{help_text[1:]}.")
        add_options_when_parsed(command, name)
    if _IS_COMPLETING in os.environ:
        import argcomplete

        argcomplete.autocomplete(parser)
    parsed = parser.parse_args(argv)
    return run_command(parser.prog, parsed.command, parsed)


def add_options_when_parsed(parser: argparse.ArgumentParser, name: str) -> None:
    """Have a parser load the options of a command when it is used, because other commands do not need them.

    A shell that completes the command line sees them, too.
    """
    if _IS_COMPLETING in os.environ and name in os.environ.get(_LINE, "").split():
        import_module(f"airflow_provider_rcs.cli.{name}").add_arguments(parser)
        return
    parse_known_args = parser.parse_known_args

    def load_and_parse(*arguments: Any, **keywords: Any) -> Any:
        parser.parse_known_args = parse_known_args  # type: ignore[method-assign]
        import_module(f"airflow_provider_rcs.cli.{name}").add_arguments(parser)
        return parse_known_args(*arguments, **keywords)

    parser.parse_known_args = load_and_parse  # type: ignore[method-assign]


def run_command(program: str, name: str, arguments: argparse.Namespace) -> int:
    """Run a command with parsed arguments, print what is wrong with them, and return the exit code.

    :param program: what the caller typed before the command's name, for errors.
    """
    try:
        with connections_of_the_database():
            code: int | None = import_module(f"airflow_provider_rcs.cli.{name}").run(arguments)
        sys.stdout.flush()
    except (RcsError, ValueError) as error:
        print(f"{program} {name}: {in_options(str(error), vars(arguments))}", file=sys.stderr)
        return exit_code_of(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Python would write what is left when it ends, and fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return READER_GONE
    return code or 0
