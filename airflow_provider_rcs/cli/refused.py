"""``airflow-rcs refused``: list the bodies that could not be read, and read them again."""

from __future__ import annotations

import argparse
import os
from dataclasses import asdict
from datetime import tzinfo
from typing import TYPE_CHECKING

from airflow_provider_rcs.api.counts import counted
from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.cli.help import end_help
from airflow_provider_rcs.cli.output import add_output_option, print_rows
from airflow_provider_rcs.cli.progress import progress_of
from airflow_provider_rcs.cli.store_option import add_store_option, migrated_store_of, uses_airflow

if TYPE_CHECKING:
    import sqlalchemy as sa


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's actions with their options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")

    listing = actions.add_parser("list", help="list the refused bodies, without their content")
    listing.add_argument("--show", type=int, metavar="ID", help="print the content of one, with phones masked")

    retry = actions.add_parser("retry", help="read refused bodies again, after an upgrade or with a new setting")
    retry.add_argument("ids", nargs="*", type=int, metavar="ID", help="the bodies to read (default: all)")
    retry.add_argument("--timezone", help="time zone of the dates (default: that of the receiver)")

    add_output_option(listing)
    for action in (listing, retry):
        add_store_option(action)
    end_help(parser, "refused list")
    end_help(listing, "refused list --show 12")
    end_help(retry, "refused retry 12 13 --timezone UTC")


def run(arguments: argparse.Namespace) -> None:
    """Show refused bodies, or read them again."""
    {"list": _list, "retry": _retry}[arguments.action](arguments)


def _list(arguments: argparse.Namespace) -> None:
    from airflow_provider_rcs.api.tables import Column
    from airflow_provider_rcs.store.inbox.refused import refused_bodies

    engine = migrated_store_of(arguments)
    if arguments.show is not None:
        print(_masked_content(engine, arguments.show))
        return
    columns = [
        Column("id", "id", lambda row: str(row["id"])),
        Column("received_at", "since (UTC)"),
        Column("last_received_at", "last (UTC)"),
        Column("times", "count"),
        Column("reason", "reason"),
        Column("reports_conn_id", "let in by"),
        Column("content_type", "content type"),
        Column("size", "bytes"),
    ]
    rows = ({**asdict(each), "content_type": _one_line(each.content_type)} for each in refused_bodies(engine))
    print_rows(arguments, columns, rows, nothing="No body is refused.")


def _masked_content(engine: sa.Engine, body_id: int) -> str:
    from airflow_provider_rcs.store.inbox.refused import read_refused_body
    from airflow_provider_rcs.store.privacy.refused_bodies import mask_body

    with progress_of("Reading the store"):
        body = read_refused_body(engine, body_id)
    if body is None:
        raise RcsInputError("show", f"no refused body has the id {body_id}", "List them with: airflow-rcs refused list")
    return mask_body(body)


def _retry(arguments: argparse.Namespace) -> None:
    from airflow_provider_rcs.store.inbox.folding import fold_if_possible
    from airflow_provider_rcs.store.inbox.refused import read_refused_body, retry_refused

    engine = migrated_store_of(arguments)
    with progress_of("Reading the store"):
        for body_id in arguments.ids:
            if read_refused_body(engine, body_id) is None:
                raise RcsInputError("id", f"no refused body has the id {body_id}", "Nothing was read again.")
    timezone, words = _timezone(arguments), _opt_out_words(arguments)
    with progress_of("Reading the bodies again"):
        read = list(retry_refused(engine, timezone, words, arguments.ids or None))
        fold_if_possible(engine)
    refused = [each for each in read if each.reason]
    for each in refused:
        print(f"{each.id}: still refused: {each.reason}")
    landed, understood = sum(each.landed for each in read), len(read) - len(refused)
    taken, stay = counted(understood, "body is", "bodies are"), counted(len(refused), "still is", "still are")
    print(f"{taken} refused no more, {stay}; {counted(landed, 'report or reply', 'reports and replies')} landed.")


def _timezone(arguments: argparse.Namespace) -> tzinfo:
    from airflow_provider_rcs.api.dates import read_timezone
    from airflow_provider_rcs.hooks.reports import timezone_from_airflow
    from airflow_provider_rcs.receiver import config

    if arguments.timezone:
        return read_timezone(arguments.timezone, "timezone")
    if config.REPORTS_TIMEZONE in os.environ or not uses_airflow(arguments):
        return config.timezone_from_environment(os.environ)
    return timezone_from_airflow()


def _opt_out_words(arguments: argparse.Namespace) -> tuple[str, ...]:
    from airflow_provider_rcs.hooks.reports import opt_out_words_from_airflow
    from airflow_provider_rcs.receiver import config

    if config.OPT_OUT_WORDS in os.environ or not uses_airflow(arguments):
        return config.opt_out_words_from_environment(os.environ)
    return opt_out_words_from_airflow()


def _one_line(text: str) -> str:
    from airflow_provider_rcs.store.privacy.refused_bodies import mask_body

    return " ".join(mask_body(text.encode()).split())[:60]
