"""Rows of the warehouse, made from rows of the store."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from airflow_provider_rcs.warehouse.phones import PhoneForm

Row = Mapping[str, Any]


def message_row(row: Row, phones: PhoneForm) -> Row:
    """Return the warehouse's row of a message."""
    moment: datetime = row["requested_at"] or row["updated_at"]
    return {
        **row,
        "day": moment.astimezone(UTC).date(),
        "phone": None if row["phone"] is None else phones.show(row["phone"]),
        "phone_as_listed": phones.show(row["phone_as_listed"]),
    }


def channel_row(row: Row) -> Row:
    """Return the warehouse's row of a message's channel."""
    # A hash, because some engines have no keys of several columns, or of long ones.
    return {**row, "id": sha256(f"{row['message_id']}/{row['channel']}".encode()).hexdigest()}


def report_row(row: Row, phones: PhoneForm) -> Row:
    """Return the warehouse's row of a report."""
    return {**row, "phone": phones.show(row["phone"]), "extra": row["extra"] if phones.with_extra else {}}
