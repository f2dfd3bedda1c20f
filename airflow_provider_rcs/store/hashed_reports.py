"""Reports on recipients who are known by hashes alone: they find their message, and lose what names the person."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.store.hash_keys import find_hashes
from airflow_provider_rcs.store.hashed_messages import IS_HASHED
from airflow_provider_rcs.store.row_sets import Columns, row_parameter, row_set
from airflow_provider_rcs.store.tables import erasure, message, report, request

WITHOUT_PERSON: dict[str, Any] = {"phone": "", "message_reference": "", "extra": {}}
NAMES_SOMEBODY = sa.or_(
    report.c.phone != "", report.c.message_reference != "", sa.cast(report.c.extra, sa.Text) != "{}"
)
_ON_A_HASHED_MESSAGE = sa.exists().where(message.c.id == report.c.message_id, IS_HASHED)
_SOUGHT: Columns = {"report_id": sa.BigInteger(), "campaign_id": sa.BigInteger(), "hash": sa.Text()}


def take_persons_out(connection: sa.Connection, of_this_fold: sa.ColumnElement[bool]) -> None:
    """Find the messages of a fold's reports by hash too, and blank the reports whose person the store must not name."""
    hashes = find_hashes(connection)
    if hashes is None:
        return
    # In the campaign of the request that they echo, where the phone has not led to a message already.
    left = (
        sa.select(report.c.id, request.c.campaign_id, report.c.phone)
        .outerjoin(request, request.c.reference == report.c.campaign_reference)
        .outerjoin(message, message.c.id == report.c.message_id)
        .where(of_this_fold, report.c.phone != "", report.c.phone.is_distinct_from(message.c.recipient_key))
    )
    sought = [(row.id, row.campaign_id, hashes.of(row.phone)) for row in connection.execute(left)]
    if sought:
        parameters = row_parameter(connection.dialect.name, _SOUGHT, sought)
        _attach(connection, parameters)
        _blank_those_of_erased(connection, parameters)
    connection.execute(report.update().where(of_this_fold, _ON_A_HASHED_MESSAGE).values(WITHOUT_PERSON))


def _attach(connection: sa.Connection, sought: Mapping[str, str]) -> None:
    found = connection.execute(_messages_of(connection.dialect.name), sought).all()
    if found:
        connection.execute(
            report.update().where(report.c.id == sa.bindparam("row")).values(message_id=sa.bindparam("of_message")),
            [{"row": row.report_id, "of_message": row.id} for row in found],
        )


def _blank_those_of_erased(connection: sa.Connection, sought: Mapping[str, str]) -> None:
    found = connection.execute(_erased_among(connection.dialect.name), sought).scalars().all()
    if found:
        connection.execute(
            report.update().where(report.c.id == sa.bindparam("row")).values(WITHOUT_PERSON),
            [{"row": row} for row in found],
        )


@cache
def _messages_of(dialect: str) -> sa.Select[Any]:
    sought = row_set(dialect, _SOUGHT)
    is_it = sa.and_(message.c.campaign_id == sought.c.campaign_id, message.c.recipient_key == sought.c.hash)
    return sa.select(sought.c.report_id, message.c.id).join(message, is_it)


@cache
def _erased_among(dialect: str) -> sa.Select[Any]:
    sought = row_set(dialect, _SOUGHT)
    return sa.select(sought.c.report_id).join(erasure, erasure.c.hash == sought.c.hash)
