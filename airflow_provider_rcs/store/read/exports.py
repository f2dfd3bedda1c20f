"""Exports, which the warehouse reads: the rows that changed since the last load, in pages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.store.db.engine import reading
from airflow_provider_rcs.store.db.inbox_tables import inbound, message_channel, report
from airflow_provider_rcs.store.db.tables import campaign, message, request, store

Row = Mapping[str, Any]

ROWS_PER_PAGE = 5_000

_CAMPAIGN_COLUMNS = (
    campaign.c.id,
    campaign.c.name,
    campaign.c.template_id,
    campaign.c.template_name,
    campaign.c.agent,
    campaign.c.send_at,
    campaign.c.created_at,
    campaign.c.account,
    campaign.c.rcs_conn_id,
    campaign.c.revision,
)

_MESSAGE_COLUMNS = (
    message.c.id,
    campaign.c.name.label("campaign"),
    campaign.c.account,
    message.c.phone,
    message.c.phone_as_listed,
    message.c.name,
    message.c.reference,
    message.c.state,
    message.c.reason,
    message.c.detail,
    message.c.repeats,
    request.c.reference.label("request_reference"),
    request.c.claimed_at.label("requested_at"),
    request.c.api_campaign_id,
    message.c.api_message_id,
    message.c.delivery_status,
    message.c.delivery_code,
    message.c.delivery_channel,
    message.c.delivery_at,
    message.c.revision,
    message.c.updated_at,
)

_CHANNEL_COLUMNS = (
    message_channel.c.message_id,
    campaign.c.name.label("campaign"),
    message_channel.c.channel,
    message_channel.c.status,
    message_channel.c.code,
    message_channel.c.reported_at,
    message_channel.c.revision,
)


def _account_of(pushed: sa.Table) -> sa.Label[str | None]:
    """Return the account of a report or reply: that of its campaign, or else of the connection that let it in."""
    return sa.func.coalesce(campaign.c.account, sa.func.nullif(pushed.c.account, "")).label("account")


_REPORT_COLUMNS = (
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

_INBOUND_COLUMNS = (
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


def store_identity(engine: sa.Engine) -> str:
    """Return the identity of the store, which is random."""
    with reading(engine) as connection:
        return str(connection.execute(sa.select(store.c.identity)).scalar_one())


def campaigns(engine: sa.Engine) -> list[Row]:
    """Return all campaigns, each with its current revision."""
    with reading(engine) as connection:
        return [
            dict(row) for row in connection.execute(sa.select(*_CAMPAIGN_COLUMNS).order_by(campaign.c.id)).mappings()
        ]


def messages_since(engine: sa.Engine, campaign_id: int, revision: int) -> Iterator[Sequence[Row]]:
    """Yield the messages of a campaign that changed after a revision, in pages.

    Revisions become visible in their order, so a reader that has read up to one has missed none before it.
    """
    # In the order of an index that starts with the campaign: in the order of ids, SQLite would sort the whole campaign
    # for each page.
    changed = (
        sa.select(message.c.recipient_key, *_MESSAGE_COLUMNS)
        .join(campaign, campaign.c.id == message.c.campaign_id)
        .outerjoin(request, request.c.id == message.c.request_id)
        .where(message.c.campaign_id == campaign_id, message.c.revision > revision)
        .order_by(message.c.recipient_key)
    )
    last = ""
    while page := _page(engine, changed.where(message.c.recipient_key > last)):
        last = [row.pop("recipient_key") for row in page][-1]
        yield page


def channels_since(engine: sa.Engine, campaign_id: int, revision: int) -> Iterator[Sequence[Row]]:
    """Yield the channels of a campaign's messages whose status changed after a revision, in pages.

    Their revisions become visible in their order, like those of messages.
    """
    place = sa.tuple_(message.c.recipient_key, message_channel.c.channel)
    changed = (
        sa.select(message.c.recipient_key, *_CHANNEL_COLUMNS)
        .select_from(message)
        .join(campaign, campaign.c.id == message.c.campaign_id)
        .join(message_channel, message_channel.c.message_id == message.c.id)
        .where(message.c.campaign_id == campaign_id, message_channel.c.revision > revision)
        .order_by(message.c.recipient_key, message_channel.c.channel)
    )
    last = ("", "")
    # Also by recipient alone, which is the condition that the index can use.
    while page := _page(engine, changed.where(message.c.recipient_key >= last[0], place > last)):
        last = [(row.pop("recipient_key"), row["channel"]) for row in page][-1]
        yield page


def reports_since(engine: sa.Engine, fold: int) -> Iterator[Sequence[Row]]:
    """Yield the reports of a fold and of all later folds, in pages, fold by fold.

    Folds become visible in their order. The given one is read again, because the last load may have stopped within it.
    """
    yield from _folded_since(engine, report, _REPORT_COLUMNS, fold)


def inbound_since(engine: sa.Engine, fold: int) -> Iterator[Sequence[Row]]:
    """Like :func:`reports_since`, for the messages of people."""
    yield from _folded_since(engine, inbound, _INBOUND_COLUMNS, fold)


def _folded_since(
    engine: sa.Engine, table: sa.Table, columns: Sequence[sa.ColumnElement[Any]], fold: int
) -> Iterator[Sequence[Row]]:
    in_order = (table.c.fold, table.c.id)
    with reading(engine) as connection:
        newest = connection.execute(sa.select(sa.func.max(table.c.fold))).scalar_one() or 0
    last = (fold, 0)
    while True:
        # Also by fold alone, which is the condition that the index can use.
        is_next = sa.and_(table.c.fold.between(last[0], newest), sa.tuple_(*in_order) > last)
        # The ids first: otherwise each page looks up the messages of all rows of the fold.
        ids = sa.select(table.c.id).where(is_next).order_by(*in_order).limit(ROWS_PER_PAGE)
        next_page = (
            sa.select(*columns)
            .outerjoin(message, message.c.id == table.c.message_id)
            .outerjoin(campaign, campaign.c.id == message.c.campaign_id)
            .where(table.c.id.in_(ids))
            .order_by(*in_order)
        )
        page = _page(engine, next_page)
        if not page:
            return
        yield page
        last = (page[-1]["fold"], page[-1]["id"])


def _page(engine: sa.Engine, rows: sa.Select[Any]) -> list[dict[str, Any]]:
    with reading(engine) as connection:
        return [dict(row) for row in connection.execute(rows.limit(ROWS_PER_PAGE)).mappings()]
