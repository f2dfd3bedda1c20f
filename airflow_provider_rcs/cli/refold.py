"""``airflow-rcs refold``: apply changed status codes to the reports that have landed."""

from __future__ import annotations

import argparse
import sys

from airflow_provider_rcs.api.counts import counted
from airflow_provider_rcs.cli.help import end_help
from airflow_provider_rcs.cli.progress import progress_of
from airflow_provider_rcs.cli.store_option import add_rcs_option, add_store_option, codes_of, migrated_store_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("--campaign", help="refold only the campaign with this name")
    add_rcs_option(parser)
    add_store_option(parser)
    end_help(
        parser,
        "refold --campaign spring",
        "Computes the statuses of messages anew from their reports, with the status codes that the connection and this "
        "version have now. A status may fall as well as rise. Messages whose reports were pruned keep their status. "
        "The next load updates the messages that have changed. The command can be stopped at any time and run again.",
    )


def run(arguments: argparse.Namespace) -> None:
    """Refold the campaigns whose reports were folded with other codes."""
    from airflow_provider_rcs.store.maintenance.long_work import refold_store

    engine = migrated_store_of(arguments)
    codes = codes_of(arguments)
    if codes is None:
        print("No connection: campaigns keep the status codes that they were last sent with.", file=sys.stderr)
    with progress_of("Refolding reports") as show:
        messages, changed = refold_store(engine, codes, arguments.campaign, show)
    computed = counted(messages, "message was", "messages were")
    print(f"{computed} computed anew; {counted(changed, 'of them has', 'of them have')} changed.")
