"""``airflow-rcs resolve``: resolve messages in doubt by hand."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from airflow_provider_rcs.api.counts import counted
from airflow_provider_rcs.cli.by_option import add_by_option
from airflow_provider_rcs.cli.help import end_help
from airflow_provider_rcs.cli.output import add_output_option, print_rows
from airflow_provider_rcs.cli.phones import read_phone_given
from airflow_provider_rcs.cli.progress import progress_of
from airflow_provider_rcs.cli.store_option import add_store_option, migrated_store_of

if TYPE_CHECKING:
    import sqlalchemy as sa

_VERDICTS = {"accepted": "accepted", "not-sent": "not_sent"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("campaign", help="the campaign's name")
    parser.add_argument("--as", dest="verdict", choices=list(_VERDICTS), help="the outcome of the messages")
    parser.add_argument("--because", default="", help="why; recorded in the store")
    add_by_option(parser, "who decides")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--request", help="only the messages of the request with this reference")
    which.add_argument("--phone", help="only the message to this phone, such as +34600000001 (-: read it)")
    parser.add_argument(
        "--credentials-fixed",
        action="store_true",
        help="allow the campaign to use credentials again that the service rejected, after you fixed the account",
    )
    add_output_option(parser)
    add_store_option(parser)
    end_help(
        parser,
        'resolve spring --as accepted --because "seen in the panel"',
        "Without --as, shows the requests whose messages are in doubt. With --as not-sent the messages are planned "
        "again, and the next attempt sends them: be certain that they were not sent.",
    )


def run(arguments: argparse.Namespace) -> None:
    """Resolve messages, or show the requests in doubt."""
    from airflow_provider_rcs.store.maintenance.decisions import resolve_doubts
    from airflow_provider_rcs.store.outbox.resolutions import Resolution, Verdict

    engine = migrated_store_of(arguments)
    name = arguments.campaign
    if arguments.credentials_fixed:
        _forget_refusals(engine, name)
        return
    if arguments.verdict is None:
        _show_requests_in_doubt(engine, arguments)
        return
    resolution = Resolution(Verdict(_VERDICTS[arguments.verdict]), arguments.by, arguments.because)
    phone = _phone(arguments)
    with progress_of("Resolving the messages"):
        resolved = resolve_doubts(engine, name, resolution, request=arguments.request or "", phone=phone)
    messages = counted(resolved, "message was", "messages were")
    print(f"Campaign {name}: {messages} resolved as {arguments.verdict}.")
    if resolved and arguments.verdict == "not-sent":
        print("Retry the sending task: they are planned again, unless they were erased or the campaign was cancelled.")


def _phone(arguments: argparse.Namespace) -> str:
    if not arguments.phone:
        return ""
    # Digits alone are E.164 too: the help once asked for them, and the service shows phones so.
    text = f"+{arguments.phone}" if arguments.phone.isdigit() else arguments.phone
    return read_phone_given("phone", text, None)


def _show_requests_in_doubt(engine: sa.Engine, arguments: argparse.Namespace) -> None:
    from airflow_provider_rcs.api.tables import Column
    from airflow_provider_rcs.store.maintenance.decisions import doubts_of_campaign

    columns = [
        Column("request", "request"),
        Column("sent_at", "sent (UTC)", lambda row: f"{row['sent_at']:%Y-%m-%d %H:%M:%S}"),
        Column("in_doubt", "in doubt"),
        Column("reason", "why"),
        Column("sent_by", "sent by"),
    ]
    with progress_of("Folding new reports"):
        doubts = doubts_of_campaign(engine, arguments.campaign)
    rows = [
        {
            "request": each.reference,
            "sent_at": each.claimed_at,
            "in_doubt": each.in_doubt,
            "reason": each.reason,
            "sent_by": each.sent_by,
        }
        for each in doubts
    ]
    print_rows(arguments, columns, rows, nothing=f"Campaign {arguments.campaign}: nothing is in doubt.")


def _forget_refusals(engine: sa.Engine, campaign: str) -> None:
    from airflow_provider_rcs.store.outbox.refused_credentials import forget_refusals

    with progress_of("Clearing the rejections"):
        forgotten = forget_refusals(engine, campaign)
    cleared = counted(forgotten, "rejection", "rejections")
    print(f"Campaign {campaign}: {cleared} of credentials cleared.")
