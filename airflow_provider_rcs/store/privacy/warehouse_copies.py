"""The SQL that erases a person from copies of the store's rows in a warehouse."""

from __future__ import annotations

from collections.abc import Sequence

_MESSAGE_VALUES = {"phone": "NULL", "phone_as_listed": "''", "name": "''", "reference": "''", "detail": "''"}
_REPORT_VALUES = {"phone": "''", "message_reference": "''", "extra": "'{}'"}
_INBOUND_VALUES = {**_REPORT_VALUES, "text": "''"}
_AFTERWARDS = """\
The next run of RcsReportsToSqlOperator removes the person from the warehouse. Copies that it does not load (other
schemas, tables derived from these, backups) need these statements, with the schema before the table names if they have
one:

{statements}

Not erased: the person's rows in the tables that campaigns are sent from, data at the service, logs, backups of the
store, and reports that a receiver has spooled while the store is unavailable. Reports that arrive later are anonymised
when they are folded, except bodies that cannot be parsed: run this again when the health of the receivers is ready."""


def what_is_left(store: str, messages: Sequence[int], reports: Sequence[int], inbound: Sequence[int]) -> str:
    """Return what a person who has erased somebody from the store has to do elsewhere; it holds no personal data.

    The parameters are those of :func:`warehouse_statements`.
    """
    lines = warehouse_statements(store, messages, reports, inbound)
    nothing = "    (nothing: the store has no message, report or reply of this person)"
    return _AFTERWARDS.format(statements="\n".join(f"    {line}" for line in lines) or nothing)


def warehouse_statements(
    store: str, messages: Sequence[int], reports: Sequence[int], inbound: Sequence[int] = ()
) -> list[str]:
    """Return the statements that erase a person from the tables of a warehouse, whatever the form of phones there.

    :param store: the store's identity: other stores have other people under the same ids.
    :param messages: ids of the person's messages.
    :param reports: ids of the reports on these messages, and of reports on the phone that belong to no message.
    :param inbound: ids of the person's own messages.
    """
    message_updates = [_update("rcs_message", _MESSAGE_VALUES, store, _is_one_of("id", messages))] if messages else []
    conditions = [_is_one_of(*each) for each in (("message_id", messages), ("id", reports)) if each[1]]
    of_reports = f"({' OR '.join(conditions)})"
    report_updates = [_update("rcs_report", _REPORT_VALUES, store, of_reports)] if conditions else []
    inbound_updates = [_update("rcs_inbound", _INBOUND_VALUES, store, _is_one_of("id", inbound))] if inbound else []
    return message_updates + report_updates + inbound_updates


def _update(table: str, values: dict[str, str], store: str, condition: str) -> str:
    changes = ", ".join(f"{column} = {value}" for column, value in values.items())
    return f"UPDATE {table} SET {changes} WHERE store = '{store}' AND {condition};"


def _is_one_of(column: str, ids: Sequence[int]) -> str:
    return f"{column} IN ({', '.join(map(str, ids))})"
