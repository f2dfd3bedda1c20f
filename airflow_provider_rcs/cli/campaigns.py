"""``airflow-rcs campaigns``: list the campaigns of the store with their progress."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.cli.help import end_help
from airflow_provider_rcs.cli.output import add_output_option, is_for_people, print_note, print_rows
from airflow_provider_rcs.cli.progress import progress_of
from airflow_provider_rcs.cli.store_option import add_rcs_option, add_store_option, codes_of, migrated_store_of

if TYPE_CHECKING:
    import sqlalchemy as sa

    from airflow_provider_rcs.api.tables import Row
    from airflow_provider_rcs.store.campaign.cancellations import Cancellation
    from airflow_provider_rcs.store.read.overview import ListedCampaign


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add_rcs_option(parser)
    add_output_option(parser)
    add_store_option(parser)
    end_help(
        parser,
        "campaigns --output json",
        "Campaigns whose reports are overdue are marked. What of the reports and replies could not be applied is said "
        "below the table, or on standard error if the rows are for a program.",
    )


def run(arguments: argparse.Namespace) -> None:
    """Print a row for each campaign, after folding new reports.

    Below the table are scheduled and cancelled campaigns, campaigns that need a refold, and what of the reports and
    replies that arrived could not be applied.
    """
    from airflow_provider_rcs.store.inbox.folding import fold_if_possible
    from airflow_provider_rcs.store.read import overview

    engine = migrated_store_of(arguments)
    with progress_of("Folding new reports"):
        fold_if_possible(engine)
        progress = overview.read_progress(engine)
    outdated = list(_outdated_lines(engine, arguments))
    with progress_of("Reading the store"):
        decided = [*overview.scheduled_lines(engine), *overview.cancelled_lines(engine, _describe)]
        backlog = list(overview.backlog_lines(engine, "airflow-rcs refused list"))
    styles = {
        "in_doubt": lambda row: "yellow" if row["in_doubt"] else "",
        "failed": lambda row: "yellow" if row["failed"] else "",
        "last_report_at": lambda row: "bold red" if row["reports_overdue"] else "",
    }
    print_rows(arguments, overview.PROGRESS_COLUMNS, _rows(engine, progress), styles=styles)
    for line in (*(decided if is_for_people(arguments) else ()), *outdated, *backlog):
        print_note(arguments, f"\n{line}")
    if any(each.health.is_overdue for each in progress):
        print_note(arguments, f"\n{overview.REPORTS_OVERDUE}")


def _rows(engine: sa.Engine, progress: Sequence[ListedCampaign]) -> Iterator[Row]:
    """Yield a row for each campaign, with what a table has below it."""
    from airflow_provider_rcs.store.campaign.cancellations import read_cancellations
    from airflow_provider_rcs.store.campaign.schedules import scheduled_campaigns

    due_at = {each.campaign.name: each.due_at for each in scheduled_campaigns(engine)}
    cancellations = read_cancellations(engine)
    for each in progress:
        cancelled = cancellations.get(each.name)
        yield {
            **each.as_row(),
            "due_at": due_at.get(each.name),
            "cancelled_at": cancelled and cancelled.decided_at,
            "cancelled_by": cancelled and cancelled.decided_by,
            "cancel_reason": cancelled and cancelled.reason,
        }


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
    with progress_of("Reading the store"):
        outdated = outdated_campaigns(engine, codes)
    for each in outdated:
        yield each.warning
