"""The options that name the store, and the account whose status codes count for its campaigns."""

from __future__ import annotations

import argparse
import os
from typing import TYPE_CHECKING

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.cli.progress import progress_of
from airflow_provider_rcs.get_provider_info import DEFAULT_RCS_CONN_ID, STORE_URL_VARIABLE

if TYPE_CHECKING:
    import sqlalchemy as sa

    from airflow_provider_rcs.store.inbox.folded_codes import AccountCodes


def add_store_option(parser: argparse.ArgumentParser) -> None:
    """Add the options that name the store."""
    parser.add_argument(
        "--store-url",
        default=os.environ.get(STORE_URL_VARIABLE),
        help=f"SQLAlchemy URL of the store (default: ${STORE_URL_VARIABLE}); without one, Airflow's connection is used",
    )
    # No square brackets, which Airflow's command line takes for a style of the text.
    parser.add_argument(
        "--store-conn-id",
        help="Airflow connection of the store (default: store_conn_id in section rcs of airflow.cfg, or rcs_store)",
    )


def add_rcs_option(parser: argparse.ArgumentParser) -> None:
    """Add the option that names the account."""
    parser.add_argument(
        "--rcs-conn-id",
        help=f"connection whose status codes count for the campaigns of its account (default: {DEFAULT_RCS_CONN_ID}, "
        "where Airflow's connections are used)",
    )


def uses_airflow(arguments: argparse.Namespace) -> bool:
    """Return whether the store is a connection of Airflow, and not a URL."""
    return bool(arguments.store_conn_id or not arguments.store_url)


def codes_of(arguments: argparse.Namespace) -> AccountCodes | None:
    """Return the status codes of the account, or ``None`` if no connection says them.

    Without ``--rcs-conn-id``, the default connection counts if the store is a connection of Airflow, too, or if the
    environment defines it.

    :raises RcsInputError: if the connection that is named is not defined.
    """
    is_default = f"AIRFLOW_CONN_{DEFAULT_RCS_CONN_ID.upper()}" in os.environ or uses_airflow(arguments)
    if not (arguments.rcs_conn_id or is_default):
        return None
    with progress_of("Reading the connection"):
        from airflow_provider_rcs.hooks.status_codes import codes_of_connection

        codes = codes_of_connection(arguments.rcs_conn_id or DEFAULT_RCS_CONN_ID)
    if codes is None and arguments.rcs_conn_id:
        raise RcsInputError(
            "rcs-conn-id", f"the connection {arguments.rcs_conn_id!r} is not defined", "Define it in Airflow."
        )
    return codes


def store_of(arguments: argparse.Namespace) -> sa.Engine:
    """Return an engine for the store; its tables need not exist.

    :raises RcsStoreError: if it cannot be used.
    """
    if not uses_airflow(arguments):
        from airflow_provider_rcs.store.db.engine import engine_from_url

        return engine_from_url(arguments.store_url)
    # Imports Airflow's core, which takes seconds: only when its connections are needed.
    from airflow_provider_rcs.hooks.store import unchecked_store_engine

    return unchecked_store_engine(arguments.store_conn_id)


def migrated_store_of(arguments: argparse.Namespace) -> sa.Engine:
    """Like :func:`store_of`, after checking that its tables exist and have the right version."""
    from airflow_provider_rcs.store.db.migrate import require_migrated

    with progress_of("Opening the store"):
        engine = store_of(arguments)
        require_migrated(engine)
    return engine


def account_of_connection(rcs_conn_id: str) -> str:
    """Return the fingerprint of a connection's account.

    :raises RcsInputError: if the connection is not defined.
    """
    with progress_of("Reading the connection"):
        from airflow.providers.common.compat.sdk import AirflowNotFoundException

        from airflow_provider_rcs.hooks.rcs import RcsHook

        try:
            return RcsHook(rcs_conn_id).account
        except AirflowNotFoundException:
            raise RcsInputError(
                "rcs-conn-id", f"the connection {rcs_conn_id!r} is not defined", "Define it in Airflow."
            ) from None
