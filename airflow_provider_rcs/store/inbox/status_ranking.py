"""Ranking of statuses, which decides which report sets the delivery status of a message."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.statuses import DeliveryStatus
from airflow_provider_rcs.store.campaign.campaigns import lock_campaign
from airflow_provider_rcs.store.db.bulk import dialect_insert
from airflow_provider_rcs.store.db.inbox_tables import message_channel, report
from airflow_provider_rcs.store.db.statistics import without_index
from airflow_provider_rcs.store.db.tables import campaign, message
from airflow_provider_rcs.store.privacy.pseudonyms import IS_PSEUDONYMISED

# A channel is a service that reports, such as ``RCS``, or ``SMS`` after a fallback. For each channel, the report wins
# that is greatest by status, date and code. If several channels have reported on a message, the channel wins that is
# greatest in the same way, except that a status that is not final outranks a failure: a message that failed by RCS may
# still arrive as SMS. Both are maxima of sets, so neither the order nor the repetition of reports changes the result.

# In capitals, because a service may be written in any case: ``RCS`` and ``rcs`` are one. Limited, because the channel
# is in a key of the store. The report keeps the name as it came.
CHANNEL = sa.func.upper(sa.func.substr(report.c.service, 1, 100), type_=sa.Text)

_BEFORE_ALL_DATES = datetime(1970, 1, 1, tzinfo=UTC)

_CHANNEL_COLUMNS = ("message_id", "channel", "status", "rank", "code", "reported_at")

# Retention deletes reports of other messages only, and keeps no record of it: what is left of their reports must not
# set their statuses anew.
_HAS_ALL_REPORTS = sa.not_(IS_PSEUDONYMISED)

_HAS_CHANNEL_ROWS = sa.exists().where(message_channel.c.message_id == message.c.id)


def update_statuses(
    connection: sa.Connection,
    campaign_ids: Collection[int],
    codes: Mapping[str, DeliveryStatus],
    of_this_fold: sa.ColumnElement[bool],
) -> None:
    """Update the delivery statuses of messages by the reports of a fold, if one channel reports on each message.

    This is true of most messages: the status of the channel is the status of the message, and is stored only there.

    :param campaign_ids: campaigns that are locked.
    :param codes: their status codes.
    :param of_this_fold: selects the reports of the fold.
    """
    best = best_report_of_each_channel(codes, of_this_fold).subquery()
    _update_messages(connection, best, is_of_campaigns(campaign_ids), _is_greater_than_message(best))


def update_statuses_from_several_channels(
    connection: sa.Connection,
    campaign_ids: Collection[int],
    codes: Mapping[str, DeliveryStatus],
    of_this_fold: sa.ColumnElement[bool],
) -> None:
    """Like :func:`update_statuses`, for messages that several channels may have reported on."""
    of_campaigns = is_of_campaigns(campaign_ids)
    best_reports = best_report_of_each_channel(codes, of_this_fold)
    if _any_message_has_several_channels(connection, of_campaigns, of_this_fold):
        message_ids = sa.select(report.c.message_id).where(of_this_fold)
        from_reports = _channels_of_messages_with_several(best_reports, of_campaigns)
        for channels in (from_reports, _channels_stored_on_messages(of_campaigns, message_ids)):
            _upsert_channels(connection, channels, _is_greater_than_channel)
        winner = _best_channel_of_each_message(of_campaigns, message_ids)
        _update_messages(connection, winner, _differs_from_message(winner))
    best = best_reports.subquery()
    _update_messages(connection, best, of_campaigns, ~_HAS_CHANNEL_ROWS, _is_greater_than_message(best))


def is_of_campaigns(campaign_ids: Collection[int]) -> sa.ColumnElement[bool]:
    """Return the condition for messages of campaigns, where the messages are looked up by the reports on them.

    By statistics that are older than a campaign, PostgreSQL would start from the campaign, and rank the reports of the
    fold again for each of its messages.
    """
    return without_index(message.c.campaign_id).in_(campaign_ids)


def new_revision() -> Mapping[str, Any]:
    """Return the values that mark messages as changed, for an UPDATE of messages whose campaigns are locked."""
    # A subquery, because one UPDATE may change messages of several campaigns.
    revision = sa.select(campaign.c.revision).where(campaign.c.id == message.c.campaign_id).scalar_subquery()
    return {"revision": revision, "updated_at": datetime.now(UTC)}


def best_report_of_each_channel(
    codes: Mapping[str, DeliveryStatus], of_this_fold: sa.ColumnElement[bool]
) -> sa.Select[Any]:
    """Return the reports of a fold with their place among those of the same message and channel; 1 is the best.

    :param codes: the status codes of their campaigns.
    :param of_this_fold: selects the reports.
    """
    status = sa.case({code: str(each) for code, each in codes.items()}, value=report.c.status_code, else_="unknown")
    rank = sa.case({code: each.rank for code, each in codes.items()}, value=report.c.status_code, else_=0)
    place = sa.func.row_number().over(
        partition_by=(report.c.message_id, CHANNEL),
        order_by=(rank.desc(), _comparable(report.c.reported_at).desc(), report.c.status_code.desc()),
    )
    return sa.select(
        report.c.message_id,
        CHANNEL.label("channel"),
        status.label("status"),
        rank.label("rank"),
        report.c.status_code.label("code"),
        report.c.reported_at,
        place.label("place"),
    ).where(of_this_fold, report.c.message_id.is_not(None))


def _any_message_has_several_channels(
    connection: sa.Connection, of_campaigns: sa.ColumnElement[bool], of_this_fold: sa.ColumnElement[bool]
) -> bool:
    """Return whether several channels have reported, in this fold or before, on a message of the fold."""
    first, last = sa.func.min(CHANNEL), sa.func.max(CHANNEL)
    several = (
        sa.select(message.c.id)
        .join(report, report.c.message_id == message.c.id)
        .where(of_this_fold, of_campaigns)
        .group_by(message.c.id)
        .having(sa.or_(first != last, _has_status_of_other_channel(first), _HAS_CHANNEL_ROWS))
    )
    return connection.execute(several.limit(1)).first() is not None


def _channels_of_messages_with_several(
    best_reports: sa.Select[Any], of_campaigns: sa.ColumnElement[bool]
) -> sa.Select[Any]:
    # Not by a look-up of each message among those that have several channels: PostgreSQL does not know how few they are
    # and would do it row by row.
    first, last = (pick(CHANNEL).over(partition_by=report.c.message_id) for pick in (sa.func.min, sa.func.max))
    has_several = sa.or_(first != last, _has_status_of_other_channel(first), _HAS_CHANNEL_ROWS)
    with_messages = best_reports.join(message, message.c.id == report.c.message_id).where(of_campaigns)
    best = with_messages.add_columns(has_several.label("has_several")).subquery()
    return sa.select(*(best.c[name] for name in _CHANNEL_COLUMNS)).where(best.c.place == 1, best.c.has_several)


def _channels_stored_on_messages(of_campaigns: sa.ColumnElement[bool], message_ids: sa.Select[Any]) -> sa.Select[Any]:
    """Return the statuses that messages with channel rows have, as statuses of their channels.

    Until a second channel reports, the status of the first is stored only on the message. Afterwards the message
    repeats what a channel row says, and nothing changes.
    """
    return sa.select(
        message.c.id,
        message.c.delivery_channel,
        message.c.delivery_status,
        message.c.delivery_rank,
        message.c.delivery_code,
        message.c.delivery_at,
    ).where(
        of_campaigns,
        message.c.id.in_(message_ids),
        message.c.delivery_rank >= 0,
        _HAS_CHANNEL_ROWS,
    )


def replace_statuses(connection: sa.Connection, best: sa.FromClause, parameters: Mapping[str, str]) -> int:
    """Replace the statuses of messages that one channel has reported on, also by lower ones; return how many differed.

    :param best: the best report of each message, with the campaign; the campaigns are locked if a status differs.
    :param parameters: the parameters of ``best``.
    """
    is_different = sa.and_(_HAS_ALL_REPORTS, _differs_from_message(best))
    changed = sa.select(best.c.campaign_id).join(message, message.c.id == best.c.message_id).where(is_different)
    if not _lock_campaigns(connection, changed, parameters):
        return 0
    return _set_statuses(connection, best, is_different, parameters=parameters)


def replace_channels(connection: sa.Connection, best: sa.FromClause, parameters: Mapping[str, str]) -> int:
    """Like :func:`replace_statuses`, for messages that several channels have reported on.

    :param best: the best report of each channel of each message.
    """
    stored = sa.and_(message_channel.c.message_id == best.c.message_id, message_channel.c.channel == best.c.channel)
    is_different = sa.or_(message_channel.c.message_id.is_(None), _differs_from_channel(best.c))
    with_messages = sa.join(best, message, message.c.id == best.c.message_id)
    changed = (
        sa.select(best.c.campaign_id)
        .select_from(with_messages.outerjoin(message_channel, stored))
        .where(_HAS_ALL_REPORTS, is_different)
    )
    if not _lock_campaigns(connection, changed, parameters):
        return 0
    columns = [best.c[name] for name in _CHANNEL_COLUMNS]
    channels = sa.select(*columns).select_from(with_messages).where(_HAS_ALL_REPORTS)
    _upsert_channels(connection, channels, _differs_from_channel, parameters)
    winner = _best_channel_of_each_message(_HAS_ALL_REPORTS, sa.select(best.c.message_id))
    return _set_statuses(connection, winner, winner.c.place == 1, _differs_from_message(winner), parameters=parameters)


def _lock_campaigns(connection: sa.Connection, campaign_ids: sa.Select[Any], parameters: Mapping[str, str]) -> bool:
    """Lock campaigns in the order of their ids, and return whether there are any."""
    found = sorted(connection.execute(campaign_ids.distinct(), parameters).scalars())
    for each in found:
        lock_campaign(connection, each)
    return bool(found)


def _upsert_channels(
    connection: sa.Connection,
    channels: sa.Select[Any],
    replaces: Callable[[Any], sa.ColumnElement[bool]],
    parameters: Mapping[str, str] | None = None,
) -> None:
    """Store the statuses of channels, and replace stored ones.

    :param channels: selects the columns of a channel in their order.
    :param replaces: returns whether the new row replaces the stored one.
    """
    new_channels = channels.subquery()
    values = (
        sa.select(*new_channels.c, campaign.c.revision)
        .join(message, message.c.id == next(iter(new_channels.c)))
        .join(campaign, campaign.c.id == message.c.campaign_id)
        # Without a WHERE, SQLite reads the ON of ON CONFLICT as the condition of a join.
        .where(sa.true())
    )
    insert = dialect_insert(connection, message_channel).from_select((*_CHANNEL_COLUMNS, "revision"), values)
    new = insert.excluded
    upsert = insert.on_conflict_do_update(
        index_elements=("message_id", "channel"),
        set_={name: new[name] for name in (*_CHANNEL_COLUMNS, "revision")},
        where=replaces(new),
    )
    connection.execute(upsert, parameters)


def _best_channel_of_each_message(of_campaigns: sa.ColumnElement[bool], message_ids: sa.Select[Any]) -> sa.Subquery:
    """Return the channels of messages with their place among those of the same message; 1 is the best."""
    rank = sa.case({str(each): each.rank_among_channels for each in DeliveryStatus}, value=message_channel.c.status)
    place = sa.func.row_number().over(
        partition_by=message_channel.c.message_id,
        order_by=(
            rank.desc(),
            _comparable(message_channel.c.reported_at).desc(),
            message_channel.c.code.desc(),
            message_channel.c.channel.desc(),
        ),
    )
    return (
        sa.select(message_channel, place.label("place"))
        .join(message, message.c.id == message_channel.c.message_id)
        .where(of_campaigns, message_channel.c.message_id.in_(message_ids))
        .subquery()
    )


def _update_messages(connection: sa.Connection, best: sa.Subquery, *conditions: sa.ColumnElement[bool]) -> None:
    _set_statuses(connection, best, best.c.place == 1, *conditions)


def _set_statuses(
    connection: sa.Connection,
    best: sa.FromClause,
    *conditions: sa.ColumnElement[bool],
    parameters: Mapping[str, str] | None = None,
) -> int:
    """Set the statuses of messages whose campaigns are locked, and return their number."""
    updated = connection.execute(
        message.update()
        .where(message.c.id == best.c.message_id, *conditions)
        .values(
            delivery_status=best.c.status,
            delivery_rank=best.c.rank,
            delivery_code=best.c.code,
            delivery_channel=best.c.channel,
            delivery_at=best.c.reported_at,
            **new_revision(),
        ),
        parameters,
    )
    return updated.rowcount


def _has_status_of_other_channel(channel: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    return sa.and_(message.c.delivery_rank >= 0, message.c.delivery_channel != channel)


def _is_greater_than_message(best: sa.Subquery) -> sa.ColumnElement[bool]:
    return sa.tuple_(best.c.rank, _comparable(best.c.reported_at), best.c.code) > sa.tuple_(
        message.c.delivery_rank, _comparable(message.c.delivery_at), message.c.delivery_code
    )


def _differs_from_message(best: sa.FromClause) -> sa.ColumnElement[bool]:
    new = (best.c.channel, best.c.status, best.c.rank, best.c.code, _comparable(best.c.reported_at))
    return sa.tuple_(*new) != sa.tuple_(
        message.c.delivery_channel,
        message.c.delivery_status,
        message.c.delivery_rank,
        message.c.delivery_code,
        _comparable(message.c.delivery_at),
    )


def _is_greater_than_channel(new: Any) -> sa.ColumnElement[bool]:
    stored = message_channel.c
    return sa.tuple_(new.rank, _comparable(new.reported_at), new.code) > sa.tuple_(
        stored.rank, _comparable(stored.reported_at), stored.code
    )


def _differs_from_channel(new: Any) -> sa.ColumnElement[bool]:
    stored = message_channel.c
    return sa.tuple_(new.status, new.rank, new.code, _comparable(new.reported_at)) != sa.tuple_(
        stored.status, stored.rank, stored.code, _comparable(stored.reported_at)
    )


def _comparable(date: sa.ColumnElement[datetime]) -> sa.ColumnElement[datetime]:
    """Return a report's date, or one before all others if it could not be read."""
    return sa.func.coalesce(date, _BEFORE_ALL_DATES)
