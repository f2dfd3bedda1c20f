"""``airflow-rcs refused``: list the bodies that could not be read, and read them again."""

from __future__ import annotations

import argparse
import os
from datetime import tzinfo
from typing import TYPE_CHECKING

from airflow_provider_rcs.api.counts import counted
from airflow_provider_rcs.api.errors import RcsInputError
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

    for action in (listing, retry):
        add_store_option(action)


def run(arguments: argparse.Namespace) -> None:
    """Show refused bodies, or read them again."""
    {"list": _list, "retry": _retry}[arguments.action](arguments)


def _list(arguments: argparse.Namespace) -> None:
    from airflow_provider_rcs.api.tables import aligned
    from airflow_provider_rcs.store.inbox.refused import refused_bodies

    engine = migrated_store_of(arguments)
    if arguments.show is not None:
        return print(_masked_content(engine, arguments.show))
    rows = [
        [
            str(each.id),
            f"{each.received_at:%Y-%m-%d %H:%M}",
            f"{each.last_received_at:%Y-%m-%d %H:%M}",
            each.times,
            each.reason,
            each.reports_conn_id or "-",
            _one_line(each.content_type) or "-",
            each.size,
        ]
        for each in refused_bodies(engine)
    ]
    headings = ["id", "since (UTC)", "last (UTC)", "count", "reason", "let in by", "content type", "bytes"]
    return print(aligned(headings, rows) if rows else "No body is refused.")


def _masked_content(engine: sa.Engine, body_id: int) -> str:
    from airflow_provider_rcs.store.inbox.refused import read_refused_body
    from airflow_provider_rcs.store.privacy.refused_bodies import mask_body

    body = read_refused_body(engine, body_id)
    if body is None:
        raise RcsInputError("show", f"no refused body has the id {body_id}", "List them with: airflow-rcs refused list")
    return mask_body(body)


def _retry(arguments: argparse.Namespace) -> None:
    from airflow_provider_rcs.store.inbox.folding import fold_if_possible
    from airflow_provider_rcs.store.inbox.refused import read_refused_body, retry_refused

    engine = migrated_store_of(arguments)
    for body_id in arguments.ids:
        if read_refused_body(engine, body_id) is None:
            raise RcsInputError("id", f"no refused body has the id {body_id}", "Nothing was read again.")
    understood = landed = refused = 0
    timezone, words = _timezone(arguments), _opt_out_words(arguments)
    for each in retry_refused(engine, timezone, words, arguments.ids or None):
        landed += each.landed
        understood += not each.reason
        refused += bool(each.reason)
        if each.reason:
            print(f"{each.id}: still refused: {each.reason}")
    fold_if_possible(engine)
    taken, stay = counted(understood, "body is", "bodies are"), counted(refused, "still is", "still are")
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
