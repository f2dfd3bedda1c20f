"""``airflow-rcs check``: count the messages of each campaign anew, and compare them with the counts in the store."""

from __future__ import annotations

import argparse

from airflow_provider_rcs.api.counts import counted
from airflow_provider_rcs.cli.help import end_help
from airflow_provider_rcs.cli.output import add_output_option, is_for_people, print_note, print_rows
from airflow_provider_rcs.cli.progress import progress_of
from airflow_provider_rcs.cli.store_option import add_store_option, migrated_store_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("--repair", action="store_true", help="replace the counts of campaigns whose counts differ")
    add_output_option(parser)
    add_store_option(parser)
    end_help(
        parser,
        "check --repair",
        "The counts change in the transactions that change the messages, so they differ only if someone has changed "
        "the store's tables by hand, or has restored a part of them. The exit code is 1 if a count differs and was not "
        "repaired.",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print each count that differs, and repair them if asked; return 1 if one is left as it is."""
    from airflow_provider_rcs.api.tables import Column
    from airflow_provider_rcs.store.maintenance.checking import repair
    from airflow_provider_rcs.store.maintenance.long_work import check_store

    engine = migrated_store_of(arguments)
    campaigns = messages = differing = 0
    rows = []
    with progress_of("Checking the counts") as show:
        for each in check_store(engine, show):
            campaigns += 1
            messages += each.messages
            rows += [
                {"campaign": each.name, "of": found.of, "kept": found.kept, "counted": found.counted}
                for found in each.differences
            ]
            if each.differences:
                differing += 1
                if arguments.repair:
                    repair(engine, each.id)
    if rows or not is_for_people(arguments):
        columns = [Column(key, key) for key in ("campaign", "kept", "counted", "of")]
        print_rows(arguments, columns, rows)
    checked = f"{counted(campaigns, 'campaign', 'campaigns')} with {counted(messages, 'message', 'messages')} checked"
    if not differing:
        print_note(arguments, f"{checked}: all counts are right.")
        return 0
    wrong = counted(differing, "campaign", "campaigns")
    if arguments.repair:
        print_note(arguments, f"{checked}: the counts of {wrong} were wrong, and are replaced.")
        return 0
    print_note(arguments, f"{checked}: the counts of {wrong} are wrong. Replace them with: airflow-rcs check --repair")
    return 1
