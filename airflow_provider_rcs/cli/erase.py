"""``airflow-rcs erase``: erase a person from the store, with the SQL for copies in a warehouse."""

from __future__ import annotations

import argparse
import getpass
from collections.abc import Sequence
from typing import TYPE_CHECKING

from airflow_provider_rcs.api.counts import counted
from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.cli.phones import read_phone_given
from airflow_provider_rcs.cli.store_option import add_store_option, migrated_store_of

if TYPE_CHECKING:
    from airflow_provider_rcs.store.privacy.erasure import PersonalData

_AFTERWARDS = """\
The next run of RcsReportsToSqlOperator removes the person from the warehouse. Copies that it does not load (other
schemas, tables derived from these, backups) need these statements, with the schema before the table names if they have
one:

{statements}

Not erased: the person's rows in the tables that campaigns are sent from, data at the service, logs, backups of the
store, and reports that a receiver has spooled while the store is unavailable. Reports that arrive later are anonymised
when they are folded, except bodies that cannot be parsed: run this again when the health of the receivers is ready."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.epilog = (
        "Shows what would be erased, and asks for confirmation. The counts of campaigns stay, and no campaign that the "
        "person was in messages the phone again. With --suppress, no other campaign does either."
    )
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
    parser.add_argument(
        "--by", default=getpass.getuser(), help="who erases; recorded in the store (default: %(default)s)"
    )
    add_store_option(parser)


def run(arguments: argparse.Namespace) -> None:
    """Show the person's data in the store, and erase it after confirmation."""
    from airflow_provider_rcs.store.inbox.folding import fold_parked
    from airflow_provider_rcs.store.privacy.erasure import erase, find_personal_data

    phone = read_phone_given("phone", arguments.phone, arguments.default_region)
    engine = migrated_store_of(arguments)
    # First fold landed reports: those without a phone are found through their messages only.
    fold_parked(engine)
    _print_counts("matching rows", find_personal_data(engine, phone), phone)
    _require_yes("Erase the person from the store?", arguments.yes)
    erased = erase(engine, phone, arguments.by, suppress=arguments.suppress)
    _print_counts("erased rows", erased, phone)
    if arguments.suppress:
        print("The phone is suppressed for all campaigns, by its pseudonym.")
    print(_AFTERWARDS.format(statements=_format_statements(erased)))


def _print_counts(heading: str, data: PersonalData, phone: str) -> None:
    from airflow_provider_rcs.api.masking import mask_phone
    from airflow_provider_rcs.api.tables import aligned

    messages = counted(len(data.pseudonymous_messages), "message was", "messages were")
    print(f"Phone {mask_phone(phone)}; {messages} pseudonymised before.")
    print(aligned(["table", heading], list(data.as_counts().items())), end="\n\n")


def _format_statements(data: PersonalData) -> str:
    lines = warehouse_statements(data.message_ids, data.reports, data.inbound)
    return (
        "\n".join(f"    {line}" for line in lines)
        or "    (nothing: the store has no message, report or reply of this person)"
    )


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


_MESSAGE_VALUES = {"phone": "NULL", "phone_as_listed": "''", "name": "''", "reference": "''", "detail": "''"}
_REPORT_VALUES = {"phone": "''", "message_reference": "''", "extra": "'{}'"}
_INBOUND_VALUES = {**_REPORT_VALUES, "text": "''"}


def warehouse_statements(messages: Sequence[int], reports: Sequence[int], inbound: Sequence[int] = ()) -> list[str]:
    """Return the statements that erase a person from the tables of a warehouse, whatever the form of phones there.

    :param messages: ids of the person's messages.
    :param reports: ids of the reports on these messages, and of reports on the phone that belong to no message.
    :param inbound: ids of the person's own messages.
    """
    message_updates = [_update("rcs_message", _MESSAGE_VALUES, _is_one_of("id", messages))] if messages else []
    conditions = [_is_one_of(*each) for each in (("message_id", messages), ("id", reports)) if each[1]]
    report_updates = [_update("rcs_report", _REPORT_VALUES, " OR ".join(conditions))] if conditions else []
    inbound_updates = [_update("rcs_inbound", _INBOUND_VALUES, _is_one_of("id", inbound))] if inbound else []
    return message_updates + report_updates + inbound_updates


def _update(table: str, values: dict[str, str], condition: str) -> str:
    changes = ", ".join(f"{column} = {value}" for column, value in values.items())
    return f"UPDATE {table} SET {changes} WHERE {condition};"


def _is_one_of(column: str, ids: Sequence[int]) -> str:
    return f"{column} IN ({', '.join(map(str, ids))})"
