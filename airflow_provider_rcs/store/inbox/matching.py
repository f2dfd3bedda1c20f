"""Matching of reports with the messages that they are about."""

from __future__ import annotations

from functools import cache
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.store.db.bulk import column_types, rows_as_json, rows_from_json
from airflow_provider_rcs.store.db.tables import message, report, request
from airflow_provider_rcs.store.inbox.phone_matching import NamedByPhone, find_messages_by_phone
from airflow_provider_rcs.store.outbox.settlement import IS_OF_REQUEST

# Others may send many messages from the same account, whose reports are parked for good.
_REPORTS_PER_LOOK_UP = 20_000

_MESSAGE_OF = column_types(report, ("id", "message_id"))

_NAMES_REQUEST = (
    request.c.reference == report.c.campaign_reference,
    sa.and_(request.c.api_campaign_id == report.c.api_campaign_id, report.c.api_campaign_id != ""),
)

# Joins a report with its request and its message by the phone and the reference of the request.
_MATCHES_BY_REFERENCE = sa.and_(
    request.c.reference == report.c.campaign_reference,
    message.c.campaign_id == request.c.campaign_id,
    message.c.recipient_key == report.c.phone,
)

# Joins them by the ids that the service gave.
_MATCHES_BY_IDS = sa.and_(
    sa.or_(*_NAMES_REQUEST),
    IS_OF_REQUEST,
    message.c.api_message_id == report.c.api_message_id,
    report.c.api_message_id != "",
)


def assign_to_fold(connection: sa.Connection, reports: sa.ColumnElement[bool], fold_number: int) -> int:
    """Set the fold of reports, and the message of those whose message is in the store; return their number.

    A report is matched by the reference of its request and its phone, then by the ids of the service, and if it names
    no request, as those of SMS do, by its phone and one of its other ids. Without a match it is parked.

    :param reports: selects them by a range of ids; none of them has a fold.
    """
    assigned = _match(connection, reports, fold_number)
    columns = (report.c[name] for name in (*NamedByPhone._fields, "campaign_reference"))
    rest = connection.execute(sa.select(*columns).where(reports)).all()
    if not rest:
        return assigned
    # Once more, because some of the rest may have landed since: only what has been tried may be parked.
    assigned += _match(connection, reports, fold_number)
    named = [NamedByPhone(*row[:-1]) for row in rest if not row.campaign_reference and row.phone]
    by_phone = find_messages_by_phone(connection, named)
    dialect = connection.dialect.name
    parameter = rows_as_json(dialect, _MESSAGE_OF, [(row.id, by_phone.get(row.id)) for row in rest])
    return assigned + connection.execute(_set_message(dialect), parameter | {"fold_number": fold_number}).rowcount


def _match(connection: sa.Connection, reports: sa.ColumnElement[bool], fold_number: int) -> int:
    """Set fold and message of the reports that name a request, and return their number."""
    values: dict[str, Any] = {"fold": fold_number, "message_id": message.c.id}
    matched = connection.execute(report.update().where(reports, _MATCHES_BY_REFERENCE).values(values)).rowcount
    if _any_names_a_request(connection, reports):
        # Marked, because its phone leads to no message: an erasure of this phone could not find it otherwise.
        values["names_other_phone"] = report.c.phone != message.c.recipient_key
        matched += connection.execute(report.update().where(reports, _MATCHES_BY_IDS).values(values)).rowcount
    return matched


def matches_by_ids(connection: sa.Connection, reports: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Return the condition for reports whose message is in the store by the ids that the service gave.

    :param reports: selects the reports that it is for.
    """
    return sa.exists().where(_MATCHES_BY_IDS) if _any_names_a_request(connection, reports) else sa.false()


def find_reports_by_phone(connection: sa.Connection, reports: sa.ColumnElement[bool]) -> list[int]:
    """Return the ids of the reports that name no request, but one message by phone and another id.

    :param reports: selects the reports to look up.
    """
    columns = (report.c[name] for name in NamedByPhone._fields)
    has_id = sa.or_(report.c.message_reference != "", report.c.api_message_id != "", report.c.api_campaign_id != "")
    names_no_request = sa.and_(report.c.campaign_reference == "", report.c.phone != "", has_id)
    named = connection.execute(
        sa.select(*columns).where(reports, names_no_request), execution_options={"yield_per": _REPORTS_PER_LOOK_UP}
    )
    found: list[int] = []
    for batch in named.partitions():
        found += find_messages_by_phone(connection, [NamedByPhone(*row) for row in batch])
    return found


@cache
def _set_message(dialect: str) -> sa.Update:
    rows = rows_from_json(dialect, _MESSAGE_OF)
    values = {"fold": sa.bindparam("fold_number", type_=report.c.fold.type), "message_id": rows.c.message_id}
    return report.update().where(report.c.id == rows.c.id, report.c.fold.is_(None)).values(values)


def _any_names_a_request(connection: sa.Connection, reports: sa.ColumnElement[bool]) -> bool:
    """Return whether any of the reports names a request of the store.

    Reports on messages that others send from the same account name none, and would be looked up among all messages.
    """
    # A count with EXISTS per report: for a plain EXISTS or a join, the planner expects an early match or starts from
    # the requests, and then reads reports that are not selected, or all of them once for each request.
    named = [sa.exists(sa.select(request.c.id).where(names_one).correlate(report)) for names_one in _NAMES_REQUEST]
    count = sa.select(sa.func.count()).select_from(report)
    return any(connection.execute(count.where(reports, is_named)).scalar_one() for is_named in named)
