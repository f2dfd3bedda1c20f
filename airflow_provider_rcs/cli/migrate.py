"""``airflow-rcs migrate``: make the store's tables, or bring them to this version."""

from __future__ import annotations

import argparse

from airflow_provider_rcs.cli.store_option import add_store_option, store_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add_store_option(parser)


def run(arguments: argparse.Namespace) -> None:
    """Migrate the store."""
    from airflow_provider_rcs.store.db.migrate import migrate

    version = migrate(store_of(arguments))
    print(f"The store's tables are at version {version}.")
