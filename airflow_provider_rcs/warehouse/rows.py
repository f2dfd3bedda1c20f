"""The warehouse's rows, made of the store's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from airflow_provider_rcs.warehouse.phones import PhoneForm

Row = Mapping[str, Any]


def message_row(row: Row, phones: PhoneForm) -> Row:
    """Return a message as the warehouse shows it."""
    moment: datetime = row["requested_at"] or row["updated_at"]
    return {
        **row,
        "day": moment.astimezone(UTC).date(),
        "phone": None if row["phone"] is None else phones.show(row["phone"]),
        "phone_as_listed": phones.show(row["phone_as_listed"]),
    }


def channel_row(row: Row) -> Row:
    """Return what a channel tells of a message as the warehouse shows it."""
    # A hash, because a key of several columns, one of them of any length, is not for every engine.
    return {**row, "id": sha256(f"{row['message_id']}/{row['channel']}".encode()).hexdigest()}


def report_row(row: Row, phones: PhoneForm) -> Row:
    """Return a report as the warehouse shows it."""
    return {**row, "phone": phones.show(row["phone"]), "extra": row["extra"] if phones.with_extra else {}}
