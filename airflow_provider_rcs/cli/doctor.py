"""``airflow-rcs doctor``: check what a new setup gets wrong."""

from __future__ import annotations

import argparse
from pathlib import Path

from airflow_provider_rcs.cli.store_option import add_store_option
from airflow_provider_rcs.get_provider_info import DEFAULT_RCS_CONN_ID

_EXIT_CODES = {"ok": 0, "warning": 1, "failed": 2}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.epilog = (
        "Prints a line for each check, with the way out, and nothing secret. Nothing is sent; wrong credentials are "
        "shown to the service once. Exit code: 0 if all is well, 1 if there are warnings, 2 if a check failed."
    )
    parser.add_argument("--receiver-url", default="", help="the address for reports, as the RCS account's panel has it")
    query = parser.add_mutually_exclusive_group()
    query.add_argument("--sql", default="", help="a query, to compare its columns with the template's variables")
    query.add_argument("--sql-file", type=Path, help="a file with the query")
    parser.add_argument("--sql-conn-id", default="", help="Airflow connection of the query")
    parser.add_argument("--template-id", default="", help="the campaign's template")
    parser.add_argument(
        "--rcs-conn-id", default=DEFAULT_RCS_CONN_ID, help="connection to the RCS API (default: %(default)s)"
    )
    add_store_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run every check, print what each finds, and return the exit code."""
    from airflow_provider_rcs.cli.store_option import uses_airflow
    from airflow_provider_rcs.doctor.setup import Setup, examine

    setup = Setup(
        rcs_conn_id=arguments.rcs_conn_id,
        store_conn_id=arguments.store_conn_id,
        store_url=None if uses_airflow(arguments) else arguments.store_url,
        receiver_url=arguments.receiver_url,
        sql=arguments.sql_file.read_text(encoding="utf-8") if arguments.sql_file else arguments.sql,
        sql_conn_id=arguments.sql_conn_id,
        template_id=arguments.template_id,
    )
    worst = 0
    for finding in examine(setup):
        print(finding, flush=True)
        worst = max(worst, _EXIT_CODES[finding.level])
    return worst
