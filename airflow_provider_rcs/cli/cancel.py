"""``airflow-rcs cancel``: end a campaign, and say so in the books."""

from __future__ import annotations

import argparse
import getpass
from datetime import UTC, datetime

from airflow_provider_rcs.cli.store_option import add_store_option, store_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.epilog = (
        "Who is planned is suppressed, a task that is sending stops before its next request, and later ones fail. "
        "What was handed to the service cannot be called back: its API has no call for that. A cancelled campaign "
        "stays so; to send after all, give it another name."
    )
    parser.add_argument("campaign", help="the campaign's name")
    parser.add_argument("--reason", required=True, help="why; kept in the books")
    parser.add_argument("--by", default=getpass.getuser(), help="who says so (default: %(default)s)")
    add_store_option(parser)


def run(arguments: argparse.Namespace) -> None:
    """Cancel the campaign, and tell what that came to."""
    from airflow_provider_rcs.store.campaign.campaigns import require_campaign
    from airflow_provider_rcs.store.campaign.cancellations import Cancellation, cancel
    from airflow_provider_rcs.store.db.migrate import require_migrated
    from airflow_provider_rcs.store.inbox.folding import fold
    from airflow_provider_rcs.store.outbox.recovery import recover_dead_attempts

    engine = store_of(arguments)
    require_migrated(engine)
    campaign = require_campaign(engine, arguments.campaign)
    word = Cancellation(arguments.by, arguments.reason, datetime.now(UTC))
    # First what became of the messages under way, because no attempt will come that looks.
    recover_dead_attempts(engine, campaign)
    fold(engine)
    cancelled = cancel(engine, campaign, word)
    if cancelled.cancellation != word:
        before = cancelled.cancellation
        print(f"It was cancelled by {before.decided_by} on {before.decided_at:%Y-%m-%d %H:%M} UTC before: {before.reason}")
    print(f"Campaign {campaign.name} is cancelled: {cancelled.not_sent:,} planned messages are not sent.")
    if cancelled.handed_over:
        print(
            f"{cancelled.handed_over:,} messages were handed to the service before; it has no call to take them back. "
            "What it has not sent yet may be stopped in its panel."
        )
