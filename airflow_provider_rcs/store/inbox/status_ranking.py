"""The latest status of each message: by each channel the greatest of its reports, then the greatest of the channels.

A channel is a service that reports, such as ``RCS``, or ``SMS`` after a fallback. Of the reports of one channel the one
wins that is greatest by status, date and code. Where several channels tell of a message, the one wins that is greatest
in the same way, but that a status which is under way outranks a failure: what failed by RCS and is under way as SMS may
arrive yet. Both are greatest elements of sets, so that neither order nor repetition of the reports matters.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.statuses import DeliveryStatus
from airflow_provider_rcs.store.db.bulk import dialect_insert
from airflow_provider_rcs.store.db.tables import campaign, message, message_channel, report

_BEFORE_ALL_DATES = datetime(1970, 1, 1, tzinfo=UTC)


_COLUMNS = ("message_id", "channel", "status", "rank", "code", "reported_at")


def update_statuses(
    connection: sa.Connection,
    campaign_ids: Collection[int],
    codes: Mapping[str, DeliveryStatus],
    of_this_fold: sa.ColumnElement[bool],
) -> None:
    """Bring the statuses of campaigns' messages up to the reports of a fold, where one channel has told of each.

    Most messages have one channel, whose status is the message's own. Only for the others are the channels kept apart
    as well.

    :param campaign_ids: campaigns that are locked.
    :param codes: what their status codes mean.
    """
    best = _best_of_each_channel(codes, of_this_fold).subquery()
    _change(connection, best, message.c.campaign_id.in_(campaign_ids), _is_greater_than_message(best))


def update_statuses_from_several_channels(
    connection: sa.Connection,
    campaign_ids: Collection[int],
    codes: Mapping[str, DeliveryStatus],
    of_this_fold: sa.ColumnElement[bool],
) -> None:
    """Bring the statuses of campaigns' messages up to the reports of a fold, where several channels may have told."""
    of_campaigns = message.c.campaign_id.in_(campaign_ids)
    told = _best_of_each_channel(codes, of_this_fold)
    if _several_channels_have_told(connection, of_campaigns, of_this_fold):
        touched = sa.select(report.c.message_id).where(of_this_fold)
        _keep_channels_apart(connection, _of_several(told, of_campaigns))
        _keep_channels_apart(connection, _told_until_now(of_campaigns, touched))
        winner = _best_channel_of_each_message(of_campaigns, touched)
        _change(connection, winner, _message_differs(winner))
    best = told.subquery()
    _change(connection, best, of_campaigns, ~_has_channels_apart(), _is_greater_than_message(best))


def new_revision() -> Mapping[str, Any]:
    """Return the columns of a message that say when it was changed, for a campaign that is locked."""
    # In an UPDATE of many campaigns at once, each message is given its own one's.
    revision = sa.select(campaign.c.revision).where(campaign.c.id == message.c.campaign_id).scalar_subquery()
    return {"revision": revision, "updated_at": datetime.now(UTC)}


def _best_of_each_channel(codes: Mapping[str, DeliveryStatus], of_this_fold: sa.ColumnElement[bool]) -> sa.Select[Any]:
    status = sa.case({code: str(each) for code, each in codes.items()}, value=report.c.status_code, else_="unknown")
    rank = sa.case({code: each.rank for code, each in codes.items()}, value=report.c.status_code, else_=0)
    place = sa.func.row_number().over(
        partition_by=(report.c.message_id, report.c.service),
        order_by=(rank.desc(), _moment(report.c.reported_at).desc(), report.c.status_code.desc()),
    )
    return sa.select(
        report.c.message_id,
        report.c.service.label("channel"),
        status.label("status"),
        rank.label("rank"),
        report.c.status_code.label("code"),
        report.c.reported_at,
        place.label("place"),
    ).where(of_this_fold, report.c.message_id.is_not(None))


def _several_channels_have_told(
    connection: sa.Connection, of_campaigns: sa.ColumnElement[bool], of_this_fold: sa.ColumnElement[bool]
) -> bool:
    """Tell whether any message of the fold has been reported on by more than one channel, now or before."""
    first, last = sa.func.min(report.c.service), sa.func.max(report.c.service)
    several = (
        sa.select(message.c.id)
        .join(report, report.c.message_id == message.c.id)
        .where(of_this_fold, of_campaigns)
        .group_by(message.c.id)
        .having(sa.or_(first != last, _was_told_by_another_than(first), _has_channels_apart()))
    )
    return connection.execute(several.limit(1)).first() is not None


def _of_several(told: sa.Select[Any], of_campaigns: sa.ColumnElement[bool]) -> sa.Select[Any]:
    # Not by looking each message up among those of several channels: PostgreSQL, which does not know how many these
    # are, would do it row by row.
    first, last = (pick(report.c.service).over(partition_by=report.c.message_id) for pick in (sa.func.min, sa.func.max))
    is_of_several = sa.or_(first != last, _was_told_by_another_than(first), _has_channels_apart())
    with_messages = told.join(message, message.c.id == report.c.message_id).where(of_campaigns)
    best = with_messages.add_columns(is_of_several.label("is_of_several")).subquery()
    return sa.select(*(best.c[name] for name in _COLUMNS)).where(best.c.place == 1, best.c.is_of_several)


def _was_told_by_another_than(channel: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    return sa.and_(message.c.delivery_rank >= 0, message.c.delivery_channel != channel)


def _has_channels_apart() -> sa.ColumnElement[bool]:
    return sa.exists().where(message_channel.c.message_id == message.c.id)


def _keep_channels_apart(connection: sa.Connection, told: sa.Select[Any]) -> None:
    """Note what is told of channels, where it is greater than what was told before.

    :param told: the columns of a channel, in their order, the message's id first.
    """
    channel = told.subquery()
    changed = (
        sa.select(*channel.c, campaign.c.revision)
        .join(message, message.c.id == next(iter(channel.c)))
        .join(campaign, campaign.c.id == message.c.campaign_id)
        # SQLite takes the ON of a conflict for the ON of a join where no WHERE stands between them.
        .where(sa.true())
    )
    insert = dialect_insert(connection, message_channel).from_select((*_COLUMNS, "revision"), changed)
    new = insert.excluded
    upsert = insert.on_conflict_do_update(
        index_elements=("message_id", "channel"),
        set_={name: new[name] for name in (*_COLUMNS, "revision")},
        where=sa.tuple_(new.rank, _moment(new.reported_at), new.code)
        > sa.tuple_(message_channel.c.rank, _moment(message_channel.c.reported_at), message_channel.c.code),
    )
    connection.execute(upsert)


def _told_until_now(of_campaigns: sa.ColumnElement[bool], touched: sa.Select[Any]) -> sa.Select[Any]:
    """Return the messages' own statuses: where one channel has told so far, it is that channel's."""
    return sa.select(
        message.c.id,
        message.c.delivery_channel,
        message.c.delivery_status,
        message.c.delivery_rank,
        message.c.delivery_code,
        message.c.delivery_at,
    ).where(
        of_campaigns,
        message.c.id.in_(touched),
        message.c.delivery_rank >= 0,
        _has_channels_apart(),
    )


def _best_channel_of_each_message(of_campaigns: sa.ColumnElement[bool], touched: sa.Select[Any]) -> sa.Subquery:
    among = sa.case({str(each): each.rank_among_channels for each in DeliveryStatus}, value=message_channel.c.status)
    place = sa.func.row_number().over(
        partition_by=message_channel.c.message_id,
        order_by=(
            among.desc(),
            _moment(message_channel.c.reported_at).desc(),
            message_channel.c.code.desc(),
            message_channel.c.channel.desc(),
        ),
    )
    return (
        sa.select(message_channel, place.label("place"))
        .join(message, message.c.id == message_channel.c.message_id)
        .where(of_campaigns, message_channel.c.message_id.in_(touched))
        .subquery()
    )


def _is_greater_than_message(told: sa.Subquery) -> sa.ColumnElement[bool]:
    return sa.tuple_(told.c.rank, _moment(told.c.reported_at), told.c.code) > sa.tuple_(
        message.c.delivery_rank, _moment(message.c.delivery_at), message.c.delivery_code
    )


def _message_differs(told: sa.Subquery) -> sa.ColumnElement[bool]:
    return sa.tuple_(told.c.channel, told.c.rank, told.c.code, _moment(told.c.reported_at)) != sa.tuple_(
        message.c.delivery_channel, message.c.delivery_rank, message.c.delivery_code, _moment(message.c.delivery_at)
    )


def _change(connection: sa.Connection, told: sa.Subquery, *which: sa.ColumnElement[bool]) -> None:
    connection.execute(
        message.update()
        .where(message.c.id == told.c.message_id, told.c.place == 1, *which)
        .values(
            delivery_status=told.c.status,
            delivery_rank=told.c.rank,
            delivery_code=told.c.code,
            delivery_channel=told.c.channel,
            delivery_at=told.c.reported_at,
            **new_revision(),
        )
    )


def _moment(date: sa.ColumnElement[datetime]) -> sa.ColumnElement[datetime]:
    """Return a report's date so that it can be compared: one that could not be read is before all others."""
    return sa.func.coalesce(date, _BEFORE_ALL_DATES)
