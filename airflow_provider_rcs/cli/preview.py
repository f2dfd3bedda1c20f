"""``airflow-rcs preview``: show what a campaign to the rows of a query would send, and send nothing."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.cli.advice import in_options
from airflow_provider_rcs.cli.help import end_help
from airflow_provider_rcs.cli.progress import progress_of
from airflow_provider_rcs.cli.query import add_query_options, query_of
from airflow_provider_rcs.cli.store_option import add_store_option, migrated_store_of

if TYPE_CHECKING:
    import sqlalchemy as sa

    from airflow_provider_rcs.api.models import FrequencyCap
    from airflow_provider_rcs.sending.settings import SendSettings

_NO_CAMPAIGN = "(a new one)"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    add_query_options(parser, what="the query, with one row per recipient", required=True)
    parser.add_argument("--sql-conn-id", required=True, help="Airflow connection to query")
    parser.add_argument("--template-id", required=True, help="the template to send")
    parser.add_argument(
        "--campaign", default=_NO_CAMPAIGN, help="the campaign's name, to look up who was messaged before"
    )
    parser.add_argument("--rcs-conn-id", default="rcs_default", help="connection to the RCS API (default: %(default)s)")
    parser.add_argument("--phone-column", default="phone", help="column of the phones (default: %(default)s)")
    parser.add_argument(
        "--name-column", default="name", help='column of the names, or "" for none (default: %(default)s)'
    )
    parser.add_argument("--reference-column", help="column of your own references")
    for option, value, meaning in [
        ("--variables", "COLUMN", "the column of a template variable"),
        ("--constants", "VALUE", "the value of a template variable for all recipients"),
    ]:
        parser.add_argument(
            option,
            action="append",
            default=[],
            metavar=f"NAME={value}",
            help=f"{meaning}; repeatable, or one JSON object",
        )
    parser.add_argument("--default-region", help='region of phones that are digits without a country, such as "ES"')
    parser.add_argument("--region-column", help="column of the regions of such phones")
    parser.add_argument(
        "--phone-format", help="what such phones begin with: a country code (e164), or never one (national)"
    )
    parser.add_argument(
        "--mobile-only",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="reject numbers that are not mobiles (default)",
    )
    parser.add_argument("--agent", default="", help="the RCS agent to send as (default: the connection's)")
    parser.add_argument("--send-at", help="when the service should send, in ISO 8601; past dates are refused")
    parser.add_argument("--timezone", help="time zone of --send-at if it has no offset")
    parser.add_argument(
        "--scheduled-by", default="service", help="who holds the campaign until then: service (default) or store"
    )
    parser.add_argument("--batch-size", type=int, help="recipients per request (default: the connection's)")
    parser.add_argument("--exclude-sql", help="a query with one column: phones that must not be messaged")
    parser.add_argument("--exclude-conn-id", help="Airflow connection of that query (default: --sql-conn-id)")
    parser.add_argument("--at-most", type=int, help="messages per phone within --within-days")
    parser.add_argument("--within-days", type=float, help="days that --at-most counts, before and after the date")
    parser.add_argument("--shard", help='the shard of the list, such as "2/4"')
    parser.add_argument("--sample", default=1.0, help="the share of the list to send to, such as 0.01")
    add_store_option(parser)
    end_help(
        parser,
        'preview --sql "SELECT phone, name FROM customer" --sql-conn-id warehouse --template-id 1234567',
        "The options are the arguments of SqlToRcsOperator. Phones, names and values are masked in the output.",
    )


def run(arguments: argparse.Namespace) -> None:
    """Print what would be sent."""
    from airflow_provider_rcs.sending.preview.text import describe_plan

    settings = _settings(arguments)
    query = query_of(arguments)
    engine, why_unavailable = _store_if_available(arguments)
    names = vars(arguments)
    with progress_of("Reading the query"):
        plan = _plan(arguments, settings, query, engine)
    print(describe_plan(plan, lambda text: in_options(text, names)))
    if why_unavailable:
        print(f"\nSuppressed and already messaged recipients are unknown: {in_options(why_unavailable, names)}")


def _plan(
    arguments: argparse.Namespace, settings: SendSettings, query: str, engine: sa.Engine | None
) -> dict[str, Any]:
    from airflow.providers.common.compat.sdk import AirflowNotFoundException

    from airflow_provider_rcs.hooks.rcs import RcsHook
    from airflow_provider_rcs.hooks.sql import stream_columns
    from airflow_provider_rcs.sending.preview import dry_run

    rows = stream_columns("sql", arguments.sql_conn_id, query)
    try:
        return dry_run(engine, RcsHook(arguments.rcs_conn_id), settings, rows, _excluded(arguments))
    except AirflowNotFoundException:
        raise RcsInputError(
            "rcs_conn_id", f"the connection {arguments.rcs_conn_id!r} is not defined", "Define it in Airflow."
        ) from None


def _settings(arguments: argparse.Namespace) -> SendSettings:
    from airflow_provider_rcs.recipients.selection import read_selection
    from airflow_provider_rcs.sending.settings import SendSettings, read_send_at

    return SendSettings(
        template_id=arguments.template_id,
        campaign=arguments.campaign,
        phone_column=arguments.phone_column,
        name_column=arguments.name_column or None,
        reference_column=arguments.reference_column,
        variables={name: str(column) for name, column in _mapping("variables", arguments.variables).items()},
        constants=_mapping("constants", arguments.constants),
        default_region=arguments.default_region,
        region_column=arguments.region_column,
        phone_format=arguments.phone_format,
        mobile_only=arguments.mobile_only,
        agent=arguments.agent,
        send_at=read_send_at(arguments.send_at, arguments.timezone),
        batch_size=arguments.batch_size,
        frequency_cap=_frequency_cap(arguments),
        selection=read_selection(arguments.shard, arguments.sample),
        scheduled_by=arguments.scheduled_by,
    )


def _frequency_cap(arguments: argparse.Namespace) -> FrequencyCap | None:
    from airflow_provider_rcs.api.models import FrequencyCap

    if arguments.at_most is None and arguments.within_days is None:
        return None
    if arguments.at_most is None or arguments.within_days is None:
        raise RcsInputError("at_most", "--at-most and --within-days belong together", "Give both, or neither.")
    try:
        return FrequencyCap(arguments.at_most, timedelta(days=arguments.within_days))
    except (ValueError, OverflowError):
        problem = f"{arguments.at_most} messages within {arguments.within_days:g} days are no cap"
        raise RcsInputError("at_most", problem, "Use numbers above 0: --at-most 2 --within-days 7.") from None


def _mapping(argument: str, entries: Sequence[str]) -> dict[str, Any]:
    """Return a mapping given as repeated ``NAME=...`` or as a JSON object."""
    mapping: dict[str, Any] = {}
    for entry in entries:
        if entry.lstrip().startswith("{"):
            try:
                mapping |= json.loads(entry)
            except ValueError as error:
                raise RcsInputError(
                    argument, f"it is not a JSON object ({error})", "Or write NAME=..., once each."
                ) from None
            continue
        name, equals, value = entry.partition("=")
        if not (name and equals):
            raise RcsInputError(argument, f"{entry!r} is not of the form NAME=...", "Or write a JSON object.")
        mapping[name] = value
    return mapping


def _excluded(arguments: argparse.Namespace) -> Iterator[Sequence[object]]:
    from airflow_provider_rcs.hooks.sql import stream_only_column

    if arguments.exclude_sql:
        conn_id = arguments.exclude_conn_id or arguments.sql_conn_id
        yield from stream_only_column("exclude_sql", conn_id, arguments.exclude_sql)


def _store_if_available(arguments: argparse.Namespace) -> tuple[sa.Engine | None, str]:
    """Return an engine for the store, or why it is unavailable."""
    from airflow_provider_rcs.api.errors import RcsStoreError

    try:
        return migrated_store_of(arguments), ""
    except RcsStoreError as error:
        return None, str(error)
