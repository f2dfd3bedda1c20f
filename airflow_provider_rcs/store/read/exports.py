"""Exports, which the warehouse reads: statements that select the rows which changed since the last load, page by page.

Their columns are those of the warehouse's tables, in the same order; phones are as the store has them. Tests on the
team's phones are left out, with the reports on them and the replies to them: they would count as messages to people.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import astuple
from typing import Any, NamedTuple

import sqlalchemy as sa

from airflow_provider_rcs.store.campaign.campaigns import IS_NO_TEST
from airflow_provider_rcs.store.db.bulk import ColumnTypes, rows_as_json, rows_from_json
from airflow_provider_rcs.store.db.engine import reading
from airflow_provider_rcs.store.db.inbox_tables import inbound, message_channel, report
from airflow_provider_rcs.store.db.statistics import without_index
from airflow_provider_rcs.store.db.tables import campaign, message, request, store
from airflow_provider_rcs.store.read.changed_ranges import ChangedRange
from airflow_provider_rcs.store.read.status_codes import OVERRIDES_AS_TEXT

ROWS_PER_PAGE = 50_000

_RANGES: ColumnTypes = {name: sa.BigInteger() for name in ("campaign_id", "first", "last", "after")}
_CAMPAIGNS: ColumnTypes = {"id": sa.BigInteger(), "account": sa.String(), "revision": sa.BigInteger()}


class CampaignState(NamedTuple):
    """A campaign at a moment; the messages that a load reads afterwards are at least of its revision.

    :param status_codes: its overrides of the status codes, as text; they may change without a new revision.
    """

    id: int
    name: str
    account: str
    revision: int
    status_codes: str


class Place(NamedTuple):
    """The place of a report or reply in the order in which they are exported: by fold, and by id within a fold."""

    fold: int
    id: int


class FoldedPage(NamedTuple):
    """A page of reports or replies.

    :param rows: selects them.
    :param after: the place behind which they are.
    :param last: the place of the last of them.
    """

    rows: sa.Select[Any]
    after: Place
    last: Place


def store_identity(engine: sa.Engine) -> str:
    """Return the identity of the store, which is random."""
    with reading(engine) as connection:
        return str(connection.execute(sa.select(store.c.identity)).scalar_one())


def read_last_fold(engine: sa.Engine) -> int:
    """Return the number of the store's last fold."""
    with reading(engine) as connection:
        return int(connection.execute(sa.select(store.c.fold)).scalar_one())


def read_campaigns(engine: sa.Engine) -> list[CampaignState]:
    """Return all campaigns that are no tests, in the order of their ids."""
    columns = (campaign.c.id, campaign.c.name, campaign.c.account, campaign.c.revision, OVERRIDES_AS_TEXT)
    with reading(engine) as connection:
        return [
            CampaignState(*row)
            for row in connection.execute(sa.select(*columns).where(IS_NO_TEST).order_by(campaign.c.id))
        ]


def campaign_page(engine: sa.Engine, identity: str, campaigns: Sequence[CampaignState]) -> sa.Select[Any]:
    """Return the statement for campaigns as of a moment: what depends on their revision is not read again."""
    given = rows_from_json(engine.dialect.name, _CAMPAIGNS).c
    rows = [(each.id, each.account, each.revision) for each in campaigns]
    return (
        sa.select(
            _store(identity),
            campaign.c.id,
            campaign.c.name,
            campaign.c.template_id,
            campaign.c.template_name,
            campaign.c.agent,
            campaign.c.send_at,
            campaign.c.created_at,
            given.account,
            campaign.c.rcs_conn_id,
            OVERRIDES_AS_TEXT.label("status_codes"),
            given.revision,
        )
        .join(campaign, campaign.c.id == given.id)
        .params(rows_as_json(engine.dialect.name, _CAMPAIGNS, rows))
    )


def message_page(engine: sa.Engine, identity: str, ranges: Sequence[ChangedRange]) -> sa.Select[Any]:
    """Return the statement for the changed messages in ranges."""
    dialect = engine.dialect.name
    changed = _changed_in_ranges(dialect, message, message.c.id)
    each = changed.row
    return (
        sa.select(
            _store(identity),
            each.id,
            campaign.c.name.label("campaign"),
            campaign.c.account,
            each.phone,
            each.phone_as_listed,
            each.reading,
            each.name,
            each.reference,
            each.state,
            each.reason,
            each.detail,
            each.repeats,
            request.c.reference.label("request_reference"),
            request.c.claimed_at.label("requested_at"),
            _day(dialect, sa.func.coalesce(request.c.claimed_at, each.updated_at)).label("day"),
            request.c.api_campaign_id,
            each.api_message_id,
            each.delivery_status,
            each.delivery_code,
            each.delivery_channel,
            each.delivery_at,
            each.revision,
            each.updated_at,
        )
        .select_from(changed.source)
        .join(campaign, campaign.c.id == changed.campaign_id)
        .outerjoin(request, request.c.id == each.request_id)
        # Or else SQLite reads all messages of the campaign for each range.
        .where(without_index(each.campaign_id) == changed.campaign_id)
        .params(_as_parameter(dialect, ranges))
    )


def channel_page(engine: sa.Engine, identity: str, ranges: Sequence[ChangedRange]) -> sa.Select[Any]:
    """Return the statement for the changed channels of messages in ranges."""
    dialect = engine.dialect.name
    changed = _changed_in_ranges(dialect, message_channel, message_channel.c.message_id)
    each = changed.row
    return (
        sa.select(
            _store(identity),
            each.message_id,
            each.channel,
            campaign.c.name.label("campaign"),
            each.status,
            each.code,
            each.reported_at,
            each.revision,
        )
        .select_from(changed.source)
        .join(message, message.c.id == each.message_id)
        .join(campaign, campaign.c.id == changed.campaign_id)
        .where(without_index(message.c.campaign_id) == changed.campaign_id)
        .params(_as_parameter(dialect, ranges))
    )


def report_pages(engine: sa.Engine, identity: str, after: Place) -> Iterator[FoldedPage]:
    """Yield the statements for the reports behind a place, up to the last fold.

    A change of a folded report gives it the number of a new fold, and these become visible in their order: whatever
    changes while the pages are read is behind the last of them.
    """
    return _folded_pages(engine, report, report_rows(identity), after)


def inbound_pages(engine: sa.Engine, identity: str, after: Place) -> Iterator[FoldedPage]:
    """Like :func:`report_pages`, for the messages of people."""
    return _folded_pages(engine, inbound, inbound_rows(identity), after)


def report_rows(identity: str) -> sa.Select[Any]:
    """Return the statement for all reports that are not on tests, folded or not."""
    return _with_campaigns(
        report,
        _store(identity),
        report.c.id,
        report.c.message_id,
        campaign.c.name.label("campaign"),
        _account_of(report),
        report.c.reports_conn_id,
        report.c.received_at,
        report.c.service,
        report.c.status_code,
        report.c.agent,
        report.c.phone,
        report.c.campaign_reference,
        report.c.message_reference,
        report.c.reported_at,
        report.c.reported_at_text,
        report.c.api_campaign_id,
        report.c.api_message_id,
        report.c.extra,
        report.c.fold,
    )


def inbound_rows(identity: str) -> sa.Select[Any]:
    """Return the statement for all messages of people that do not reply to tests, folded or not."""
    return _with_campaigns(
        inbound,
        _store(identity),
        inbound.c.id,
        inbound.c.message_id,
        campaign.c.name.label("campaign"),
        _account_of(inbound),
        inbound.c.reports_conn_id,
        inbound.c.received_at,
        inbound.c.service,
        inbound.c.phone,
        inbound.c.text,
        inbound.c.opt_out,
        inbound.c.sender,
        inbound.c.sent_at,
        inbound.c.sent_at_text,
        inbound.c.message_reference,
        inbound.c.api_message_id,
        inbound.c.api_inbound_id,
        inbound.c.extra,
        inbound.c.fold,
    )


class _Changed(NamedTuple):
    """The rows of a table that changed in ranges.

    :param source: the ranges joined with the rows.
    :param campaign_id: the campaign of a row's range; a range may contain messages of others, too.
    :param row: the columns of a row.
    """

    source: sa.FromClause
    campaign_id: sa.ColumnElement[int]
    row: Any


def _changed_in_ranges(dialect: str, table: sa.Table, message_id: sa.Column[int]) -> _Changed:
    given = rows_from_json(dialect, _RANGES)
    is_changed = sa.and_(
        message_id.between(given.c.first, given.c.last),
        table.c.revision > given.c.after,
    )
    if dialect != "postgresql":
        return _Changed(given.join(table, is_changed), given.c.campaign_id, table.c)
    # By itself for each range, which the OFFSET ensures: it expects so many rows of a range that it would join all
    # messages with all ranges.
    each = sa.select(table).where(is_changed).offset(0).lateral("each")
    return _Changed(given.join(each, sa.true()), given.c.campaign_id, each.c)


def _as_parameter(dialect: str, ranges: Sequence[ChangedRange]) -> dict[str, str]:
    return rows_as_json(dialect, _RANGES, list(map(astuple, ranges)))


def _store(identity: str) -> sa.Label[str]:
    return sa.literal(identity, sa.String()).label("store")


def _day(dialect: str, moment: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """Return the day of a moment in UTC."""
    if dialect == "postgresql":
        return sa.cast(sa.func.timezone("UTC", moment), sa.Date)
    return sa.type_coerce(sa.func.date(moment), sa.Date)


def _account_of(pushed: sa.Table) -> sa.Label[str | None]:
    """Return the account of a report or reply: that of its campaign, or else of the connection that let it in."""
    return sa.func.coalesce(campaign.c.account, sa.func.nullif(pushed.c.account, "")).label("account")


def _with_campaigns(table: sa.Table, *columns: sa.ColumnElement[Any]) -> sa.Select[Any]:
    # Looked up for each row: for a page, PostgreSQL would join all messages.
    campaign_id = sa.select(message.c.campaign_id).where(message.c.id == table.c.message_id).scalar_subquery()
    return sa.select(*columns).select_from(table).outerjoin(campaign, campaign.c.id == campaign_id).where(IS_NO_TEST)


def _folded_pages(engine: sa.Engine, table: sa.Table, rows: sa.Select[Any], after: Place) -> Iterator[FoldedPage]:
    place = sa.tuple_(table.c.fold, table.c.id)
    newest = read_last_fold(engine)
    while (last := _end_of_page(engine, table, after, newest)) is not None:
        yield FoldedPage(rows.where(place > after, place <= last), after, last)
        after = last


def _end_of_page(engine: sa.Engine, table: sa.Table, after: Place, newest: int) -> Place | None:
    """Return the place of the last row of the page behind a place; ``None`` if there are no more."""
    columns = (table.c.fold, table.c.id)
    is_next = sa.and_(sa.tuple_(*columns) > after, table.c.fold <= newest)
    page = sa.select(*columns).where(is_next).order_by(*columns).limit(ROWS_PER_PAGE).subquery()
    last = sa.select(page.c.fold, page.c.id).order_by(page.c.fold.desc(), page.c.id.desc()).limit(1)
    with reading(engine) as connection:
        row = connection.execute(last).one_or_none()
    return None if row is None else Place(*row)
