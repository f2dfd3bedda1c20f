"""``airflow-rcs doctor``: check what a new setup gets wrong."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from airflow_provider_rcs.cli.help import end_help
from airflow_provider_rcs.cli.output import add_output_option, is_for_people, print_rows, print_styled
from airflow_provider_rcs.cli.progress import progress_of
from airflow_provider_rcs.cli.query import add_query_options, query_of
from airflow_provider_rcs.cli.store_option import add_store_option
from airflow_provider_rcs.get_provider_info import DEFAULT_RCS_CONN_ID

if TYPE_CHECKING:
    from airflow_provider_rcs.doctor.findings import Finding

_EXIT_CODES = {"ok": 0, "warning": 1, "failed": 2}
_STYLES = {"ok": "green", "warning": "yellow", "failed": "bold red"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("--receiver-url", default="", help="the address for reports, as the RCS account's panel has it")
    what = "a query, to compare its columns with the template's variables"
    add_query_options(parser, what=what, required=False)
    parser.add_argument("--sql-conn-id", default="", help="Airflow connection of the query")
    parser.add_argument("--template-id", default="", help="the campaign's template")
    parser.add_argument(
        "--rcs-conn-id", default=DEFAULT_RCS_CONN_ID, help="connection to the RCS API (default: %(default)s)"
    )
    add_output_option(parser)
    add_store_option(parser)
    end_help(
        parser,
        "doctor --receiver-url https://airflow.example.com/rcs/reports",
        "Prints a line for each check, with the way out, and nothing secret. Nothing is sent; wrong credentials are "
        "shown to the service once. Exit code: 0 if all is well, 1 if there are warnings, 2 if a check failed.",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run every check, print what each finds, and return the exit code."""
    from airflow_provider_rcs.cli.store_option import uses_airflow

    with progress_of("Loading Airflow"):
        from airflow_provider_rcs.doctor.setup import Setup, examine

    setup = Setup(
        rcs_conn_id=arguments.rcs_conn_id,
        store_conn_id=arguments.store_conn_id,
        store_url=None if uses_airflow(arguments) else arguments.store_url,
        receiver_url=arguments.receiver_url,
        sql=query_of(arguments),
        sql_conn_id=arguments.sql_conn_id,
        template_id=arguments.template_id,
    )
    findings = []
    for finding in _watched(examine(setup)):
        findings.append(finding)
        if is_for_people(arguments):
            print_styled(finding.level, _STYLES[finding.level], str(finding).removeprefix(finding.level))
    if not is_for_people(arguments):
        print_rows(arguments, (), ({"level": each.level, "check": each.what, "text": each.text} for each in findings))
    return max((_EXIT_CODES[each.level] for each in findings), default=0)


def _watched(findings: Iterator[Finding]) -> Iterator[Finding]:
    """Yield findings, and show that the next one is awaited."""
    while True:
        with progress_of("Checking"):
            finding = next(findings, None)
        if finding is None:
            return
        yield finding
