"""``airflow-rcs erase``: take a person out of the store, and list what the warehouse's tables need."""

from __future__ import annotations

import argparse
import getpass
from typing import TYPE_CHECKING

from airflow_provider_rcs.cli.store_option import add_store_option, store_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_rcs.store.privacy.erasure import PersonalData

_AFTERWARDS = """\
The next run of RcsReportsToSqlOperator brings the rows without the person to the warehouse by itself. Copies that no
load reaches (other schemas, tables made from these, backups) need this, with the schema before the names where there is
one:

{statements}

Not reached from here: the tables that the campaigns are sent from, the service itself, logs, backups of the store, and
what a receiver keeps in its spool while the store is away. What lands from there, or comes late, loses the person when
it is folded; bodies that cannot be understood do not: run this again when the spool is empty."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's options."""
    parser.epilog = (
        "Shows first what there is, and asks. The counts of the campaigns stay, and a campaign that the person was in "
        "does not message the phone again. To have no campaign message it: --suppress."
    )
    parser.add_argument("--phone", required=True, help="the person's phone, such as +34600000001")
    parser.add_argument("--default-region", help="region of a national phone, such as ES")
    parser.add_argument("--suppress", action="store_true", help="also let no campaign message the phone, by its hash")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--by", default=getpass.getuser(), help="who erases; kept in the books (default: %(default)s)")
    add_store_option(parser)


def run(arguments: argparse.Namespace) -> None:
    """Show where the person is in the store, and erase it if somebody says yes."""
    from airflow_provider_rcs.cli.confirming import require_yes
    from airflow_provider_rcs.store.db.migrate import require_migrated
    from airflow_provider_rcs.store.inbox.folding import fold_parked
    from airflow_provider_rcs.store.privacy.erasure import erase, find_personal_data

    phone = _phone(arguments)
    engine = store_of(arguments)
    require_migrated(engine)
    # First what has landed: then it is found by its messages too.
    fold_parked(engine)
    _show("names the person", find_personal_data(engine, phone), phone)
    require_yes("Erase the person from the store?", arguments.yes)
    traces = erase(engine, phone, arguments.by, suppress=arguments.suppress)
    _show("erased", traces, phone)
    if arguments.suppress:
        print("No campaign messages this phone any more; the store keeps that by a hash.")
    print(_AFTERWARDS.format(statements=_statements(traces)))


def _phone(arguments: argparse.Namespace) -> str:
    from airflow_provider_rcs.api.errors import RcsInputError
    from airflow_provider_rcs.api.masking import mask_phone
    from airflow_provider_rcs.recipients.phones import PhoneError, read_phone
    from airflow_provider_rcs.sending.settings import require_region

    if arguments.default_region is not None:
        require_region(arguments.default_region)
    try:
        return read_phone(arguments.phone, arguments.default_region)
    except PhoneError as error:
        raise RcsInputError(
            "phone", f"{mask_phone(arguments.phone)!r}: {error}", "Give it with + and the code."
        ) from None


def _show(what: str, traces: PersonalData, phone: str) -> None:
    from airflow_provider_rcs.api.masking import mask_phone
    from airflow_provider_rcs.cli.tables import aligned

    counts: Mapping[str, int] = traces.as_counts()
    print(f"Phone {mask_phone(phone)}; {len(traces.hashed_messages)} messages are known by a hash alone already.")
    print(aligned(["table", f"rows: {what}"], list(counts.items())), end="\n\n")


def _statements(traces: PersonalData) -> str:
    from airflow_provider_rcs.cli.warehouse_erasure import statements

    lines = statements(traces.all_messages, traces.reports)
    return "\n".join(f"    {line}" for line in lines) or "    (nothing: the store knows of no message or report)"
