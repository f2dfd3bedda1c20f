"""``airflow-rcs migrate``: create the store's tables, or upgrade them to this version."""

from __future__ import annotations

import argparse

from airflow_provider_rcs.cli.help import end_help
from airflow_provider_rcs.cli.progress import progress_of
from airflow_provider_rcs.cli.store_option import add_store_option, store_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add_store_option(parser)
    end_help(
        parser,
        "migrate --store-conn-id rcs_store",
        "Any number of processes may do so at once: the first one migrates, and the others wait for it.",
    )


def run(arguments: argparse.Namespace) -> None:
    """Migrate the store, and print its version."""
    from airflow_provider_rcs.store.db.migrate import migrate

    with progress_of("Migrating the store"):
        version = migrate(store_of(arguments))
    print(f"The store's tables are at version {version}.")
