"""``airflow-rcs campaigns``: list the campaigns of the store with their progress."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import TYPE_CHECKING

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.cli.store_option import add_rcs_option, add_store_option, codes_of, migrated_store_of

if TYPE_CHECKING:
    import sqlalchemy as sa

    from airflow_provider_rcs.store.campaign.cancellations import Cancellation


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add_rcs_option(parser)
    add_store_option(parser)


def run(arguments: argparse.Namespace) -> None:
    """Print a line for each campaign, after folding new reports.

    Campaigns whose reports are overdue are marked. Scheduled and cancelled campaigns are listed below the table, and so
    are campaigns that need a refold, and what of the reports and replies that arrived could not be applied.
    """
    from airflow_provider_rcs.store.inbox.folding import fold_if_possible
    from airflow_provider_rcs.store.read import overview

    engine = migrated_store_of(arguments)
    fold_if_possible(engine)
    progress = overview.read_progress(engine)
    print(overview.progress_table(progress))
    for line in (
        *overview.scheduled_lines(engine),
        *overview.cancelled_lines(engine, _describe),
        *_outdated_lines(engine, arguments),
        *overview.backlog_lines(engine, "airflow-rcs refused list"),
    ):
        print(f"\n{line}")
    if any(each.health.is_overdue for each in progress):
        print(f"\n{overview.REPORTS_OVERDUE}")


def _describe(cancellation: Cancellation) -> str:
    decided_at = f"{cancellation.decided_at:%Y-%m-%d %H:%M}"
    return f"cancelled by {cancellation.decided_by}, {decided_at} UTC: {cancellation.reason}"


def _outdated_lines(engine: sa.Engine, arguments: argparse.Namespace) -> Iterator[str]:
    from airflow_provider_rcs.store.inbox.folded_codes import outdated_campaigns

    try:
        codes = codes_of(arguments)
    except RcsInputError as error:
        yield f"Status codes are not compared with those of the connection. {error}"
        return
    for each in outdated_campaigns(engine, codes):
        yield each.warning
