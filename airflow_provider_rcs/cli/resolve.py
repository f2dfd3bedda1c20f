"""``airflow-rcs resolve``: settle by hand what is in doubt, and say so in the books."""

from __future__ import annotations

import argparse
import getpass
from typing import TYPE_CHECKING

from airflow_provider_rcs.cli.store_option import add_store_option, store_of

if TYPE_CHECKING:
    import sqlalchemy as sa

    from airflow_provider_rcs.store.campaign.campaigns import Campaign
    from airflow_provider_rcs.store.outbox.resolutions import Resolution

_VERDICTS = {"accepted": "accepted", "not-sent": "not_sent"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.epilog = (
        "Without --as, shows the requests whose messages are in doubt. --as not-sent plans them again: the next "
        "attempt sends to them, so be certain."
    )
    parser.add_argument("campaign", help="the campaign's name")
    parser.add_argument("--as", dest="verdict", choices=list(_VERDICTS), help="what became of the messages")
    parser.add_argument("--because", default="", help="why you say so; kept in the books")
    parser.add_argument("--by", default=getpass.getuser(), help="who says so (default: %(default)s)")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--request", help="only the messages of the request with this reference")
    which.add_argument("--phone", help="only the message to this phone, as E.164 digits")
    parser.add_argument(
        "--credentials-mended",
        action="store_true",
        help="let the campaign show credentials to the service again that it has refused, after you mended the account",
    )
    add_store_option(parser)


def run(arguments: argparse.Namespace) -> None:
    """Settle what was asked for, or show what is open."""
    from airflow_provider_rcs.store.campaign.campaigns import require_campaign
    from airflow_provider_rcs.store.db.migrate import require_migrated
    from airflow_provider_rcs.store.outbox.resolutions import Resolution, Verdict

    engine = store_of(arguments)
    require_migrated(engine)
    if arguments.credentials_mended:
        _forget_refusals(engine, arguments.campaign)
        return
    campaign = require_campaign(engine, arguments.campaign)
    if arguments.verdict is None:
        _show_open(engine, campaign)
        return
    statement = Resolution(Verdict(_VERDICTS[arguments.verdict]), arguments.by, arguments.because)
    settled = _settle(engine, campaign, statement, arguments)
    print(f"Campaign {campaign.name}: {settled} messages were settled as {arguments.verdict}.")
    if settled and arguments.verdict == "not-sent":
        print(
            "Retry the task that sends: they are planned again, unless they were erased or the campaign was cancelled."
        )


def _settle(engine: sa.Engine, campaign: Campaign, statement: Resolution, arguments: argparse.Namespace) -> int:
    from airflow_provider_rcs.store.inbox.folding import fold
    from airflow_provider_rcs.store.outbox.resolutions import resolve_all, resolve_phone, resolve_request

    # First what the reports prove: nobody who was messaged is to be planned again on a person's word.
    fold(engine)
    if arguments.request:
        return resolve_request(engine, campaign, statement, arguments.request)
    if arguments.phone:
        return resolve_phone(engine, campaign, statement, arguments.phone)
    return resolve_all(engine, campaign, statement)


def _show_open(engine: sa.Engine, campaign: Campaign) -> None:
    from airflow_provider_rcs.cli.tables import aligned
    from airflow_provider_rcs.store.inbox.folding import fold
    from airflow_provider_rcs.store.outbox.resolutions import requests_in_doubt

    fold(engine)
    rows = [
        (each.reference, f"{each.claimed_at:%Y-%m-%d %H:%M:%S}", each.in_doubt, each.reason)
        for each in requests_in_doubt(engine, campaign)
    ]
    if not rows:
        print(f"Campaign {campaign.name}: nothing is in doubt.")
        return
    print(aligned(["request", "sent (UTC)", "in doubt", "why"], rows))


def _forget_refusals(engine: sa.Engine, campaign: str) -> None:
    from airflow_provider_rcs.store.outbox.refused_credentials import forget_refusals

    print(f"Campaign {campaign}: {forget_refusals(engine, campaign)} refusals of credentials are forgotten.")
