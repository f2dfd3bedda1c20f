"""``airflow-rcs prune``: remove old data from the store, without allowing a second message to anyone."""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider_rcs.api.counts import counted
from airflow_provider_rcs.cli.store_option import add_store_option, migrated_store_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import sqlalchemy as sa

    from airflow_provider_rcs.store.privacy.retention import PrunedRows

_DAYS = {"d": 1, "w": 7}
_SECONDS_BETWEEN_PROGRESS_LINES = 5.0
_TABLES = ("rcs_message", "rcs_report", "rcs_inbound", "rcs_report_refused")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.epilog = (
        "Old messages keep their row and state, with a pseudonym in place of the phone and no name, reference or "
        "values; their reports are deleted. The next load updates them in the warehouse. The command can be stopped "
        "at any time and run again."
    )
    parser.add_argument("--older-than", required=True, help="minimum age since the last change: 180d, or 26w")
    parser.add_argument("--campaign", help="prune only the campaign with this name")
    parser.add_argument("--dry-run", action="store_true", help="show what would be pruned, without pruning it")
    add_store_option(parser)


def run(arguments: argparse.Namespace) -> None:
    """Prune the store, or show what would be pruned."""
    from airflow_provider_rcs.store.inbox.folding import fold_parked
    from airflow_provider_rcs.store.privacy.retention import RetentionLimit, count_prunable, count_unfinished, prune

    age = read_age(arguments.older_than)
    engine = migrated_store_of(arguments)
    limit = RetentionLimit(datetime.now(UTC) - age, _campaign_id(engine, arguments.campaign))
    if arguments.dry_run:
        _print_counts("rows that would be pruned", count_prunable(engine, limit))
    else:
        # First fold parked reports, so that they still count for their messages before they are deleted.
        fold_parked(engine)
        _print_counts("rows pruned", _count_rows(prune(engine, limit)))
    if unfinished := count_unfinished(engine, limit):
        one, many = "old message was not pruned: it is", "old messages were not pruned: they are"
        print(f"\n{counted(unfinished, one, many)} in doubt (airflow-rcs resolve) or in use by a task.")


def read_age(text: str) -> timedelta:
    """Return the age in a text such as ``180d`` or ``26w``.

    :raises RcsInputError: if it cannot be read, or reaches back beyond the first date.
    """
    from airflow_provider_rcs.api.errors import RcsInputError

    match = re.fullmatch(r"([1-9][0-9]{0,4})([dw])", text.strip())
    if match is None:
        raise RcsInputError("older-than", f"{text!r} is not a number of days or weeks", "Write 180d, or 26w.")
    return timedelta(days=int(match[1]) * _DAYS[match[2]])


def _count_rows(batches: Iterable[PrunedRows]) -> Mapping[str, int]:
    """Count the pruned rows per table, and print the progress every few seconds."""
    counts = Counter(dict.fromkeys(_TABLES, 0))
    next_line_at = time.monotonic() + _SECONDS_BETWEEN_PROGRESS_LINES
    for batch in batches:
        counts[batch.table] += batch.rows
        if time.monotonic() >= next_line_at:
            next_line_at = time.monotonic() + _SECONDS_BETWEEN_PROGRESS_LINES
            line = ", ".join(f"{table} {rows:,}" for table, rows in counts.items())
            print(f"Pruned so far: {line}", file=sys.stderr, flush=True)
    return counts


def _print_counts(heading: str, counts: Mapping[str, int]) -> None:
    from airflow_provider_rcs.api.tables import aligned

    print(aligned(["table", heading], list(counts.items())))


def _campaign_id(engine: sa.Engine, name: str | None) -> int | None:
    from airflow_provider_rcs.store.campaign.campaigns import require_campaign

    return None if name is None else require_campaign(engine, name).id
