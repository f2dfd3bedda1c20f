"""``airflow-rcs suppress``: add, import, remove and list phones that no campaign may message."""

from __future__ import annotations

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from airflow_provider_rcs.api.accounts import SHOWN_LETTERS
from airflow_provider_rcs.api.counts import counted
from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.tables import Column, Row
from airflow_provider_rcs.cli.help import end_help
from airflow_provider_rcs.cli.output import add_output_option, awaited, is_for_people, print_rows
from airflow_provider_rcs.cli.phones import phones_given, read_phone_given
from airflow_provider_rcs.cli.progress import progress_of
from airflow_provider_rcs.cli.store_option import account_of_connection, add_store_option, migrated_store_of

if TYPE_CHECKING:
    from airflow_provider_rcs.store.outbox.suppression_list import Suppression


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's actions with their options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    phone_help = "such as +34600000001; - reads it from a pipe or the terminal, so that it is in no shell history"

    add = actions.add_parser("add", help="suppress phones")
    add.add_argument("phones", nargs="+", metavar="PHONE", help=f"{phone_help}; repeatable")

    importing = actions.add_parser("import", help="suppress the phones of a file or a query, all or none")
    source = importing.add_mutually_exclusive_group(required=True)
    source.add_argument("--file", help="a CSV or Parquet file: its path, or its URL in object storage")
    source.add_argument("--sql", help="a query with one column, the phones")
    importing.add_argument("--column", default="phone", help="column of the phones in the file (default: %(default)s)")
    importing.add_argument("--separator", help="the character between the cells of a CSV file (default: a comma)")
    importing.add_argument("--encoding", help="encoding of a CSV file, such as latin-1 (default: UTF-8)")
    importing.add_argument("--sql-conn-id", help="Airflow connection to query")

    remove = actions.add_parser("remove", help="allow messages to a phone again, also to one that was erased")
    remove.add_argument("phone", metavar="PHONE", help=phone_help)

    listing = actions.add_parser("list", help="list the suppressed phones, masked, and count them by reason")
    listing.add_argument(
        "--show-phones",
        action="store_true",
        help="print whole phones, as CSV in place of a table; do not leave the output lying around",
    )

    for action in (add, importing):
        action.add_argument("--reason", required=True, help="why; recorded with each message that is left out")
        action.add_argument(
            "--phone-format",
            choices=("e164", "national"),
            help="what phones without + begin with: a country code (e164), or never one (national)",
        )
        action.add_argument(
            "--mobile-only",
            action=argparse.BooleanOptionalAction,
            default=True,
            help="refuse fixed lines (default); without it, those that are written with + are taken",
        )
    for action in (add, importing, remove):
        action.add_argument("--default-region", help="region of national phones, such as ES")
    add_output_option(listing)
    for action in (add, importing, remove, listing):
        action.add_argument(
            "--rcs-conn-id", help="connection of the only account that it concerns (default: all accounts)"
        )
        add_store_option(action)
    about = (
        "A suppressed phone gets no message from any campaign, or with --rcs-conn-id from none of that account. "
        "Campaigns that are planned or being sent leave it out from their next request on."
    )
    end_help(parser, 'suppress add - --reason "said STOP"', about)
    end_help(add, 'suppress add +34600000001 --reason "said STOP"', about)
    end_help(importing, 'suppress import --file opt_outs.csv --reason "list of May" --default-region ES', about)
    end_help(remove, "suppress remove +34600000001")
    end_help(listing, "suppress list --output json")


def run(arguments: argparse.Namespace) -> None:
    """Change or show the suppression list."""
    {"add": _add, "import": _import, "remove": _remove, "list": _list}[arguments.action](arguments)


def _add(arguments: argparse.Namespace) -> None:
    _suppress(arguments, "phone", [list(phones_given(arguments.phones))])


def _import(arguments: argparse.Namespace) -> None:
    from airflow_provider_rcs.hooks.sql import stream_only_column
    from airflow_provider_rcs.sending.sources.phone_lists import cells_of_file

    options = _read_options(arguments)
    if arguments.file is not None:
        _suppress(arguments, "file", cells_of_file("file", arguments.file, arguments.column, options))
    elif options:
        raise RcsInputError(next(iter(options)), "a query is not a CSV file", "Leave it out.")
    elif arguments.sql_conn_id:
        _suppress(arguments, "sql", stream_only_column("sql", arguments.sql_conn_id, arguments.sql))
    else:
        raise RcsInputError("sql-conn-id", "it is not set, and --sql needs it", "Name the Airflow connection to query.")


def _read_options(arguments: argparse.Namespace) -> dict[str, str]:
    # In most shells, a tab is typed as a backslash and a t.
    separator = "\t" if arguments.separator == "\\t" else arguments.separator
    given = {"separator": separator, "encoding": arguments.encoding}
    return {name: value for name, value in given.items() if value is not None}


def _suppress(arguments: argparse.Namespace, argument: str, chunks: Iterable[Sequence[object]]) -> None:
    from airflow_provider_rcs.recipients.phones import PhoneRules
    from airflow_provider_rcs.sending.sources.phone_lists import suppress_list

    engine = migrated_store_of(arguments)
    account = _account(arguments)
    rules = PhoneRules(arguments.default_region, arguments.phone_format, arguments.mobile_only)
    with progress_of("Suppressing phones"):
        added, before = suppress_list(engine, argument, chunks, rules, arguments.reason, account)
    known = f"; {counted(before, 'was', 'were')} suppressed before" if before else ""
    print(f"{counted(added, 'phone is', 'phones are')} suppressed now for {_scope(account)}{known}.")


def _remove(arguments: argparse.Namespace) -> None:
    from airflow_provider_rcs.store.outbox.suppression_list import count_accounts_suppressing, remove_suppression

    phone = read_phone_given("phone", arguments.phone, arguments.default_region)
    engine = migrated_store_of(arguments)
    account = _account(arguments)
    with progress_of("Removing the phone"):
        removed = remove_suppression(engine, phone, account)
        others = 0 if account else count_accounts_suppressing(engine, phone)
    accounts = counted(others, "single account", "single accounts")
    hint = f" It is suppressed for {accounts}: name each with --rcs-conn-id." if others else ""
    if not removed:
        raise RcsInputError("phone", f"it is not suppressed for {_scope(account)}", f"Nothing was changed.{hint}")
    print(f"The phone is not suppressed any more for {_scope(account)}.{hint}")
    print("Messages that were left out stay so in their campaigns.")


def _list(arguments: argparse.Namespace) -> None:
    from airflow_provider_rcs.api.tables import aligned
    from airflow_provider_rcs.store.outbox.suppression_list import suppressions

    engine = migrated_store_of(arguments)
    found = suppressions(engine, _account(arguments) or None)
    if arguments.show_phones and is_for_people(arguments):
        _print_csv(found)
        return
    counts: Counter[str] = Counter()
    print_rows(arguments, _COLUMNS, _rows(found, counts, are_shown=arguments.show_phones))
    if is_for_people(arguments):
        print()
        print(aligned(["reason", "phones"], [*counts.most_common(), ("all", counts.total())]))


def _print_csv(found: Iterable[Suppression]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(["phone", "reason", "since", "account"])
    writer.writerows((each.phone or "", each.reason, each.since.isoformat(), each.account) for each in awaited(found))


def _rows(found: Iterable[Suppression], counts: Counter[str], *, are_shown: bool) -> Iterator[Row]:
    """Yield a row for each suppressed phone, and count them by reason.

    :param are_shown: whether the phones are whole; masked otherwise.
    """
    from airflow_provider_rcs.api.masking import mask_phone

    for each in found:
        counts[each.reason] += 1
        phone = each.phone if are_shown or each.phone is None else mask_phone(each.phone)
        yield {"phone": phone, "since": each.since, "account": each.account, "reason": each.reason}


_COLUMNS = (
    Column("phone", "phone", lambda row: row["phone"] or "(erased)"),
    Column("since", "since (UTC)"),
    Column("account", "account", lambda row: row["account"][:SHOWN_LETTERS] or "all"),
    Column("reason", "reason"),
)


def _account(arguments: argparse.Namespace) -> str:
    """Return the fingerprint of the account of ``--rcs-conn-id``; empty without it."""
    return account_of_connection(arguments.rcs_conn_id) if arguments.rcs_conn_id else ""


def _scope(account: str) -> str:
    return "this account" if account else "all accounts"
