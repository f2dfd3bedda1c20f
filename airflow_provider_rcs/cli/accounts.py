"""``airflow-rcs accounts``: list the accounts of the store, and say that one has another login or host by now."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from airflow_provider_rcs.api.counts import counted
from airflow_provider_rcs.cli.help import end_help
from airflow_provider_rcs.cli.output import add_output_option, print_rows
from airflow_provider_rcs.cli.progress import progress_of
from airflow_provider_rcs.cli.store_option import account_of_connection, add_store_option, migrated_store_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's actions with their options."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="list the accounts, with their campaigns and suppressed phones")
    move = actions.add_parser("move", help="say that an account is that of a connection by now")
    move.add_argument("account", metavar="ACCOUNT", help="the account as it was: the letters that list shows, or more")
    move.add_argument("--rcs-conn-id", required=True, help="connection to the account as it is now")
    add_output_option(listing)
    for action in (listing, move):
        add_store_option(action)
    end_help(parser, "accounts list --output json")
    end_help(listing, "accounts list --output json")
    end_help(
        move,
        "accounts move 1b9ae24f --rcs-conn-id rcs_default",
        "For an account whose login or host has changed: its campaigns go on through the connection, and its "
        "suppressions count for it. Be certain that it is the same account: another one would skip the "
        "recipients of the first.",
    )


def run(arguments: argparse.Namespace) -> None:
    """Show or move accounts."""
    {"list": _list, "move": _move}[arguments.action](arguments)


def _list(arguments: argparse.Namespace) -> None:
    from airflow_provider_rcs.store.campaign.account_moves import ACCOUNT_COLUMNS, NO_ACCOUNT, known_accounts

    engine = migrated_store_of(arguments)
    with progress_of("Reading the store"):
        rows = [asdict(each) for each in known_accounts(engine)]
    print_rows(arguments, ACCOUNT_COLUMNS, rows, nothing=NO_ACCOUNT)


def _move(arguments: argparse.Namespace) -> None:
    from airflow_provider_rcs.store.campaign.account_moves import find_account, move_account
    from airflow_provider_rcs.store.inbox.folding import fold_if_possible

    engine = migrated_store_of(arguments)
    with progress_of("Reading the store"):
        before = find_account(engine, arguments.account)
    account = account_of_connection(arguments.rcs_conn_id)
    with progress_of("Moving the account"):
        moved = move_account(engine, before, account, arguments.rcs_conn_id)
        fold_if_possible(engine)
    campaigns = counted(moved.campaigns, "campaign belongs", "campaigns belong")
    print(f"{campaigns} to the account of the connection {arguments.rcs_conn_id!r} now.")
    if moved.reports:
        was = counted(moved.reports, "report was", "reports were")
        print(f"{was} set aside as of another account, and folded now.")
