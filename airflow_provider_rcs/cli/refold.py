"""``airflow-rcs refold``: apply changed status codes to the reports that have landed."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING

from airflow_provider_rcs.api.counts import counted
from airflow_provider_rcs.cli.store_option import add_rcs_option, add_store_option, codes_of, migrated_store_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_rcs.store.inbox.refold import Refolded

_SECONDS_BETWEEN_PROGRESS_LINES = 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.epilog = (
        "Computes the statuses of messages anew from their reports, with the status codes that the connection and this "
        "version have now. A status may fall as well as rise. Messages whose reports were pruned keep their status. "
        "The next load updates the messages that have changed. The command can be stopped at any time and run again."
    )
    parser.add_argument("--campaign", help="refold only the campaign with this name")
    add_rcs_option(parser)
    add_store_option(parser)


def run(arguments: argparse.Namespace) -> None:
    """Refold the campaigns whose reports were folded with other codes."""
    from airflow_provider_rcs.store.campaign.campaigns import require_campaign
    from airflow_provider_rcs.store.inbox.folding import fold
    from airflow_provider_rcs.store.inbox.refold import refold

    engine = migrated_store_of(arguments)
    if arguments.campaign is not None:
        require_campaign(engine, arguments.campaign)
    codes = codes_of(arguments)
    if codes is None:
        print("No connection: campaigns keep the status codes that they were last sent with.", file=sys.stderr)
    fold(engine)
    messages, changed = _count(refold(engine, codes, arguments.campaign))
    computed = counted(messages, "message was", "messages were")
    print(f"{computed} computed anew; {counted(changed, 'of them has', 'of them have')} changed.")


def _count(batches: Iterable[Refolded]) -> tuple[int, int]:
    """Count the messages of all batches, and print the progress every few seconds."""
    messages = changed = 0
    next_line_at = time.monotonic() + _SECONDS_BETWEEN_PROGRESS_LINES
    for batch in batches:
        messages += batch.messages
        changed += batch.changed
        if time.monotonic() >= next_line_at:
            next_line_at = time.monotonic() + _SECONDS_BETWEEN_PROGRESS_LINES
            print(f"Refolded so far: {messages:,} messages, {changed:,} changed", file=sys.stderr, flush=True)
    return messages, changed
