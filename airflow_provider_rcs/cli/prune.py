"""``airflow-rcs prune``: remove old data from the store, without allowing a second message to anyone."""

from __future__ import annotations

import argparse

from airflow_provider_rcs.api.counts import counted
from airflow_provider_rcs.cli.help import end_help
from airflow_provider_rcs.cli.output import add_output_option, print_note, print_rows
from airflow_provider_rcs.cli.progress import progress_of
from airflow_provider_rcs.cli.store_option import add_store_option, migrated_store_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("--older-than", required=True, help="minimum age since the last change: 180d, or 26w")
    parser.add_argument("--campaign", help="prune only the campaign with this name")
    parser.add_argument("--dry-run", action="store_true", help="show what would be pruned, without pruning it")
    add_output_option(parser)
    add_store_option(parser)
    end_help(
        parser,
        "prune --older-than 180d --dry-run",
        "Old messages keep their row and state, with a pseudonym in place of the phone and no name, reference or "
        "values; their reports are deleted. The next load updates them in the warehouse. The command can be stopped "
        "at any time and run again.",
    )


def run(arguments: argparse.Namespace) -> None:
    """Prune the store, or show what would be pruned."""
    from airflow_provider_rcs.api.tables import Column
    from airflow_provider_rcs.store.maintenance.long_work import prune_store, read_limit
    from airflow_provider_rcs.store.privacy.retention import count_prunable, count_unfinished

    engine = migrated_store_of(arguments)
    with progress_of("Counting old rows" if arguments.dry_run else "Pruning old rows") as show:
        limit = read_limit(engine, "older-than", arguments.older_than, arguments.campaign)
        counts = count_prunable(engine, limit) if arguments.dry_run else prune_store(engine, limit, show)
        unfinished = count_unfinished(engine, limit)
    rows = [{"table": table, "rows": number} for table, number in counts.items()]
    columns = [
        Column("table", "table"),
        Column("rows", "rows that would be pruned" if arguments.dry_run else "rows pruned"),
    ]
    print_rows(arguments, columns, rows)
    if unfinished:
        one, many = "old message was not pruned: it is", "old messages were not pruned: they are"
        print_note(arguments, f"\n{counted(unfinished, one, many)} in doubt (airflow-rcs resolve) or in use by a task.")
