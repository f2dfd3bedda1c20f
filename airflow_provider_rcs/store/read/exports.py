"""What is new in the store since a reader last looked, in the order in which it became visible."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.store.db.engine import reading
from airflow_provider_rcs.store.db.tables import campaign, message, message_channel, report, request

Row = Mapping[str, Any]


ROWS_A_PAGE = 5_000


_CAMPAIGN_COLUMNS = (
    campaign.c.id,
    campaign.c.name,
    campaign.c.template_id,
    campaign.c.template_name,
    campaign.c.agent,
    campaign.c.send_at,
    campaign.c.created_at,
    campaign.c.revision,
)


_MESSAGE_COLUMNS = (
    message.c.id,
    campaign.c.name.label("campaign"),
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


_REPORT_COLUMNS = (
    report.c.id,
    report.c.message_id,
    campaign.c.name.label("campaign"),
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


def campaigns(engine: sa.Engine) -> list[Row]:
    """Return all campaigns, each with the revision up to which its messages can be read."""
    with reading(engine) as connection:
        return [
            dict(row) for row in connection.execute(sa.select(*_CAMPAIGN_COLUMNS).order_by(campaign.c.id)).mappings()
        ]


def messages_since(engine: sa.Engine, campaign_id: int, revision: int) -> Iterator[Sequence[Row]]:
    """Return a campaign's messages that changed after a revision, in pages.

    Revisions become visible in their order, so that whoever has read all up to one misses none before it.
    """
    # In the order of an index that begins with the campaign: by the rows' numbers, SQLite would sort the campaign anew
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
    """Return the channels of a campaign's messages whose status changed after a revision, in pages.

    Their revisions become visible as those of the messages do.
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
    # By recipients alone too: that is what the index knows.
    while page := _page(engine, changed.where(message.c.recipient_key >= last[0], place > last)):
        last = [(row.pop("recipient_key"), row["channel"]) for row in page][-1]
        yield page


def reports_since(engine: sa.Engine, fold: int) -> Iterator[Sequence[Row]]:
    """Return the reports of a fold and of all later ones, in pages, fold by fold.

    Folds become visible in their order; the given one is read again, because its reader may have stopped within it.
    """
    in_order = (report.c.fold, report.c.id)
    with reading(engine) as connection:
        newest = connection.execute(sa.select(sa.func.max(report.c.fold))).scalar_one() or 0
    last = (fold, 0)
    while True:
        # By folds alone too: that is what the index knows.
        is_next = sa.and_(report.c.fold.between(last[0], newest), sa.tuple_(*in_order) > last)
        # Their numbers first: else the messages of all reports of the fold are looked up for each page.
        numbers = sa.select(report.c.id).where(is_next).order_by(*in_order).limit(ROWS_A_PAGE)
        told = (
            sa.select(*_REPORT_COLUMNS)
            .outerjoin(message, message.c.id == report.c.message_id)
            .outerjoin(campaign, campaign.c.id == message.c.campaign_id)
            .where(report.c.id.in_(numbers))
            .order_by(*in_order)
        )
        page = _page(engine, told)
        if not page:
            return
        yield page
        last = (page[-1]["fold"], page[-1]["id"])


def _page(engine: sa.Engine, rows: sa.Select[Any]) -> list[dict[str, Any]]:
    with reading(engine) as connection:
        return [dict(row) for row in connection.execute(rows.limit(ROWS_A_PAGE)).mappings()]
