"""The options that name the store: a URL or an Airflow connection."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlalchemy as sa

STORE_URL_VARIABLE = "AIRFLOW_RCS_STORE_URL"


def add_store_option(parser: argparse.ArgumentParser) -> None:
    """Add the options that name the store."""
    parser.add_argument(
        "--store-url",
        default=os.environ.get(STORE_URL_VARIABLE),
        help=f"SQLAlchemy URL of the store (default: ${STORE_URL_VARIABLE}); without one, Airflow's connection is used",
    )
    parser.add_argument("--store-conn-id", help="Airflow connection of the store (default: [rcs] store_conn_id)")


def store_of(arguments: argparse.Namespace) -> sa.Engine:
    """Return an engine for the store; its tables need not exist.

    :raises RcsStoreError: if it cannot be used.
    """
    if arguments.store_url and not arguments.store_conn_id:
        from airflow_provider_rcs.store.db.engine import engine_from_url

        return engine_from_url(arguments.store_url)
    # Imports Airflow's core, which takes seconds: only when its connections are needed.
    from airflow_provider_rcs.hooks.store import unchecked_store_engine

    return unchecked_store_engine(arguments.store_conn_id)


def migrated_store_of(arguments: argparse.Namespace) -> sa.Engine:
    """Like :func:`store_of`, after checking that its tables exist and have the right version."""
    from airflow_provider_rcs.store.db.migrate import require_migrated

    engine = store_of(arguments)
    require_migrated(engine)
    return engine
