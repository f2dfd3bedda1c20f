"""The query of a command that reads a warehouse: ``--sql`` or ``--sql-file``."""

from __future__ import annotations

import argparse
from pathlib import Path

from airflow_provider_rcs.api.errors import RcsInputError


def add_query_options(parser: argparse.ArgumentParser, *, what: str, required: bool) -> None:
    """Add both options, of which one is given.

    :param what: what the query is, for the help.
    :param required: whether one of them must be given.
    """
    query = parser.add_mutually_exclusive_group(required=required)
    query.add_argument("--sql", default="", help=what)
    query.add_argument("--sql-file", type=Path, help="a file with the query")


def query_of(arguments: argparse.Namespace) -> str:
    """Return the query; empty if none was given.

    :raises RcsInputError: if the file cannot be read, or is a template.
    """
    if arguments.sql_file is None:
        return str(arguments.sql)
    try:
        query = str(arguments.sql_file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise RcsInputError("sql_file", f"it cannot be read ({error})", "Name a file of UTF-8 text.") from None
    if "{{" in query or "{%" in query:
        raise RcsInputError(
            "sql_file", "it is a Jinja template", "Replace its expressions: only Airflow's tasks render templates."
        )
    return query
