"""``airflow-rcs cancel``: cancel a campaign, so that nothing more is sent."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from airflow_provider_rcs.api.counts import counted
from airflow_provider_rcs.cli.by_option import add_by_option
from airflow_provider_rcs.cli.help import end_help
from airflow_provider_rcs.cli.progress import progress_of
from airflow_provider_rcs.cli.store_option import add_store_option, migrated_store_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("campaign", help="the campaign's name")
    parser.add_argument("--reason", required=True, help="why; recorded in the store")
    add_by_option(parser, "who cancels it")
    add_store_option(parser)
    end_help(
        parser,
        'cancel spring --reason "the price is wrong"',
        "Planned messages are suppressed, a task that is sending stops before its next request, and later tasks fail. "
        "Messages that the service already has cannot be recalled: its API has no call for that. A campaign cannot be "
        "resumed after it was cancelled; to send after all, use another campaign name.",
    )


def run(arguments: argparse.Namespace) -> None:
    """Cancel the campaign, and print the result."""
    from airflow_provider_rcs.store.campaign.cancellations import Cancellation
    from airflow_provider_rcs.store.maintenance.decisions import cancel_campaign

    engine = migrated_store_of(arguments)
    cancellation = Cancellation(arguments.by, arguments.reason, datetime.now(UTC))
    with progress_of("Cancelling the campaign"):
        cancelled = cancel_campaign(engine, arguments.campaign, cancellation)
    if cancelled.cancellation != cancellation:
        first = cancelled.cancellation
        print(
            f"It was already cancelled by {first.decided_by} on {first.decided_at:%Y-%m-%d %H:%M} UTC: {first.reason}"
        )
    not_sent = counted(cancelled.not_sent, "planned message is", "planned messages are")
    print(f"Campaign {arguments.campaign} is cancelled: {not_sent} not sent.")
    if cancelled.handed_over:
        print(
            f"{counted(cancelled.handed_over, 'message was', 'messages were')} already handed to the service and "
            "cannot be recalled. What it has not sent yet can perhaps be stopped in its panel."
        )
