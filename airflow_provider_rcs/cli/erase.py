"""``airflow-rcs erase``: erase a person from the store, with the SQL for copies in a warehouse."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from airflow_provider_rcs.api.counts import counted
from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.cli.by_option import add_by_option
from airflow_provider_rcs.cli.help import end_help
from airflow_provider_rcs.cli.phones import read_phone_given
from airflow_provider_rcs.cli.progress import progress_of
from airflow_provider_rcs.cli.store_option import add_store_option, migrated_store_of

if TYPE_CHECKING:
    from airflow_provider_rcs.store.privacy.personal_data import PersonalData


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument(
        "--phone",
        required=True,
        help="the person's phone, such as +34600000001; - reads it from a pipe or the terminal",
    )
    parser.add_argument("--default-region", help="region of a national phone, such as ES")
    parser.add_argument(
        "--suppress", action="store_true", help="also suppress the phone, by its pseudonym, for all campaigns"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask for confirmation")
    add_by_option(parser, "who erases; recorded in the store")
    add_store_option(parser)
    end_help(
        parser,
        "erase --phone - --suppress",
        "Shows what would be erased, and asks for confirmation. The counts of campaigns stay, and no campaign that the "
        "person was in messages the phone again. With --suppress, no other campaign does either.",
    )


def run(arguments: argparse.Namespace) -> None:
    """Show the person's data in the store, and erase it after confirmation."""
    from airflow_provider_rcs.store.inbox.folding import fold_parked
    from airflow_provider_rcs.store.privacy.erasure import erase
    from airflow_provider_rcs.store.privacy.personal_data import find_personal_data
    from airflow_provider_rcs.store.privacy.warehouse_copies import what_is_left
    from airflow_provider_rcs.store.read.exports import store_identity

    phone = read_phone_given("phone", arguments.phone, arguments.default_region)
    engine = migrated_store_of(arguments)
    with progress_of("Searching the store"):
        # First fold landed reports: those without a phone are found through their messages only.
        fold_parked(engine)
        found = find_personal_data(engine, phone)
    _print_counts("matching rows", found, phone)
    _require_yes("Erase the person from the store?", arguments.yes)
    with progress_of("Erasing the person"):
        erased = erase(engine, phone, arguments.by, suppress=arguments.suppress)
        store = store_identity(engine)
    _print_counts("erased rows", erased, phone)
    if arguments.suppress:
        print("The phone is suppressed for all campaigns, by its pseudonym.")
    print(what_is_left(store, erased.message_ids, erased.reports, erased.inbound))


def _print_counts(heading: str, data: PersonalData, phone: str) -> None:
    from airflow_provider_rcs.api.masking import mask_phone
    from airflow_provider_rcs.api.tables import aligned

    messages = counted(len(data.pseudonymous_messages), "message was", "messages were")
    print(f"Phone {mask_phone(phone)}; {messages} pseudonymised before.")
    print(aligned(["table", heading], list(data.as_counts().items())), end="\n\n")


def _require_yes(question: str, confirmed: bool) -> None:
    """Ask a person for confirmation.

    :param confirmed: whether ``--yes`` was given, so that there is no need to ask.
    :raises RcsInputError: if the person does not confirm.
    """
    if confirmed:
        return
    try:
        answer = input(f"{question} This cannot be undone. Type yes to continue: ")
    except EOFError:
        answer = ""
    if answer.strip().lower() != "yes":
        raise RcsInputError("yes", "aborted: not confirmed; nothing was changed", "Type yes when asked, or pass --yes.")
