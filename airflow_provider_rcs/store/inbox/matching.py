"""Matching of reports with the messages that they are about."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.store.db.bulk import column_types, rows_as_json, rows_from_json
from airflow_provider_rcs.store.db.inbox_tables import report
from airflow_provider_rcs.store.db.statistics import without_index
from airflow_provider_rcs.store.db.tables import campaign, message, request
from airflow_provider_rcs.store.inbox.backlog import IS_PARKED
from airflow_provider_rcs.store.inbox.phone_matching import NamedByPhone, find_messages_by_phone
from airflow_provider_rcs.store.outbox.settlement import IS_OF_REQUEST

# Others may send many messages from the same account, whose reports are parked for good.
_REPORTS_PER_LOOK_UP = 20_000

_IDS = column_types(report, ("id",))
_MESSAGE_OF = column_types(report, ("id", "message_id"))

_NAMES_REQUEST = (
    request.c.reference == report.c.campaign_reference,
    sa.and_(request.c.api_campaign_id == report.c.api_campaign_id, report.c.api_campaign_id != ""),
)

# Joins a report with its request and its message by the phone and the reference of the request. By the
# statistics of a small store, PostgreSQL would compare each report with all requests of a campaign.
_MATCHES_BY_REFERENCE = sa.and_(
    request.c.reference == report.c.campaign_reference,
    message.c.campaign_id == without_index(request.c.campaign_id),
    message.c.recipient_key == report.c.phone,
)

# Joins them by the ids that the service gave.
_MATCHES_BY_IDS = sa.and_(
    sa.or_(*_NAMES_REQUEST),
    IS_OF_REQUEST,
    message.c.api_message_id == report.c.api_message_id,
    report.c.api_message_id != "",
)

_account_of_request = sa.select(campaign.c.account).where(campaign.c.id == request.c.campaign_id).correlate(request)
_other_request, _other_campaign = request.alias(), campaign.alias()

# Of those, the ones that mean one message: two accounts, as on two hosts, may have given the same ids.
_IDS_ARE_OF_ONE_ACCOUNT = sa.or_(
    report.c.account == _account_of_request.scalar_subquery(),
    sa.and_(
        report.c.account == "",
        sa.or_(
            request.c.reference == report.c.campaign_reference,
            ~sa.exists(
                sa.select(_other_request.c.id)
                .join(_other_campaign, _other_campaign.c.id == _other_request.c.campaign_id)
                .where(
                    _other_request.c.api_campaign_id == request.c.api_campaign_id,
                    _other_campaign.c.account != _account_of_request.scalar_subquery(),
                )
                .correlate(request)
            ),
        ),
    ),
)

_OF_ANOTHER_ACCOUNT = " let it in, which is of another account than its campaign"


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
        by_ids = _matches_by_ids_of_one_account(connection)
        matched += connection.execute(report.update().where(reports, by_ids).values(values)).rowcount
    return matched


def set_aside_of_other_accounts(connection: sa.Connection, reports: sa.ColumnElement[bool]) -> int:
    """Set reports aside whose connection is of another account than the campaign that they name; return their number.

    They must change nothing: a panel may point to the wrong receiver, and its account may be another customer's.

    :param reports: selects reports that have a fold and a message.
    """
    of_another = (
        sa.exists()
        .where(message.c.id == report.c.message_id, campaign.c.id == message.c.campaign_id)
        .where(campaign.c.account != report.c.account)
    )
    reason = sa.literal("the connection ") + report.c.reports_conn_id + _OF_ANOTHER_ACCOUNT
    values = {"message_id": None, "fold_error": reason}
    set_aside = report.update().where(reports, report.c.account != "", of_another).values(values)
    return connection.execute(set_aside).rowcount


def release_of_account(connection: sa.Connection, account: str) -> int:
    """Have reports folded again that were set aside because they came from this account, and return their number.

    For campaigns that a person has said to be of this account.
    """
    was_set_aside = report.c.fold_error.endswith(_OF_ANOTHER_ACCOUNT, autoescape=True)
    released = report.update().where(report.c.account == account, was_set_aside).values(fold=None, fold_error=None)
    return connection.execute(released).rowcount


def requeue_parked(connection: sa.Connection, reports: Sequence[int]) -> None:
    """Have parked reports, by their ids, folded with those that have landed, for a caller that has locked folding."""
    dialect = connection.dialect.name
    connection.execute(_requeue(dialect), rows_as_json(dialect, _IDS, [(each,) for each in reports]))


@cache
def _requeue(dialect: str) -> sa.Update:
    given = rows_from_json(dialect, _IDS)
    return report.update().where(report.c.id == given.c.id, IS_PARKED).values(fold=None)


def find_reports_by_ids(connection: sa.Connection, reports: sa.ColumnElement[bool]) -> list[int]:
    """Return the ids of the reports whose message is in the store by the ids that the service gave.

    :param reports: selects the reports to look up.
    """
    if not _any_names_a_request(connection, reports):
        return []
    matches = sa.exists().where(_matches_by_ids_of_one_account(connection))
    return list(connection.execute(sa.select(report.c.id).where(reports, matches)).scalars())


def _matches_by_ids_of_one_account(connection: sa.Connection) -> sa.ColumnElement[bool]:
    """Return the condition that joins reports by the ids that the service gave, where these mean one message."""
    accounts = sa.select(sa.func.min(campaign.c.account) != sa.func.max(campaign.c.account))
    has_several = bool(connection.execute(accounts).scalar_one())
    return sa.and_(_MATCHES_BY_IDS, _IDS_ARE_OF_ONE_ACCOUNT) if has_several else _MATCHES_BY_IDS


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
