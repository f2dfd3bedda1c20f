"""``airflow-rcs prune``: remove old data from the store, without allowing a second message to anyone."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_rcs.api.counts import counted
from airflow_provider_rcs.cli.store_option import add_store_option, migrated_store_of

if TYPE_CHECKING:
    from collections.abc import Mapping


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
    from airflow_provider_rcs.store.maintenance.long_work import prune_store, read_limit
    from airflow_provider_rcs.store.privacy.retention import count_prunable, count_unfinished

    engine = migrated_store_of(arguments)
    limit = read_limit(engine, "older-than", arguments.older_than, arguments.campaign)
    if arguments.dry_run:
        _print_counts("rows that would be pruned", count_prunable(engine, limit))
    else:
        _print_counts("rows pruned", prune_store(engine, limit, partial(print, file=sys.stderr, flush=True)))
    if unfinished := count_unfinished(engine, limit):
        one, many = "old message was not pruned: it is", "old messages were not pruned: they are"
        print(f"\n{counted(unfinished, one, many)} in doubt (airflow-rcs resolve) or in use by a task.")


def _print_counts(heading: str, counts: Mapping[str, int]) -> None:
    from airflow_provider_rcs.api.tables import aligned

    print(aligned(["table", heading], list(counts.items())))
