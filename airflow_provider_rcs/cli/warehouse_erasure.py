"""What a warehouse's copies of messages and reports need so that they name a person no more: SQL without the phone."""

from __future__ import annotations

from collections.abc import Sequence

_OF_A_MESSAGE = {"phone": "NULL", "phone_as_listed": "''", "name": "''", "reference": "''", "detail": "''"}
_OF_A_REPORT = {"phone": "''", "message_reference": "''", "extra": "'{}'"}


def statements(messages: Sequence[int], reports: Sequence[int]) -> list[str]:
    """Return the statements for the tables that a load makes; alike for phones that are plain, hashed or masked there.

    :param messages: the store's ids of the person's messages.
    :param reports: of the reports on them, and of those on the same phone that belong to no message.
    """
    of_messages = [_update("rcs_message", _OF_A_MESSAGE, _among("id", messages))] if messages else []
    conditions = [_among(*each) for each in (("message_id", messages), ("id", reports)) if each[1]]
    of_reports = [_update("rcs_report", _OF_A_REPORT, " OR ".join(conditions))] if conditions else []
    return of_messages + of_reports


def _update(table: str, values: dict[str, str], condition: str) -> str:
    changes = ", ".join(f"{column} = {value}" for column, value in values.items())
    return f"UPDATE {table} SET {changes} WHERE {condition};"


def _among(column: str, ids: Sequence[int]) -> str:
    return f"{column} IN ({', '.join(map(str, ids))})"
