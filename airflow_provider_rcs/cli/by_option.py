"""The option that says who decides, which the store records."""

from __future__ import annotations

import argparse
import getpass


def add_by_option(parser: argparse.ArgumentParser, who: str) -> None:
    """Add the option.

    :param who: what it says, for the help.
    """
    parser.add_argument("--by", default=_user(), help=f"{who} (default: %(default)s)")


def _user() -> str:
    """Return the name of the user; empty if the user has none, so that the option must be given."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # A container may run as a number alone.
        return ""
