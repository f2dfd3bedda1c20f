"""Checking of the counts that the store keeps: all is counted anew and compared, campaign by campaign."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.store.campaign.campaigns import lock_campaign
from airflow_provider_rcs.store.db.count_tables import campaign_count, campaign_hour
from airflow_provider_rcs.store.db.engine import reading, transaction
from airflow_provider_rcs.store.db.tables import campaign, message, request
from airflow_provider_rcs.store.maintenance.range_checking import count_ranges, mark_lost_messages

RANGES = "ranges of messages that loads find"


@dataclass(frozen=True, slots=True)
class Difference:
    """A count that the store keeps, and that its rows contradict.

    :param of: what is counted, such as ``messages of state=accepted, delivery_status=delivered``.
    :param kept: the count that is kept.
    :param counted: the number of rows.
    """

    of: str
    kept: int
    counted: int


@dataclass(frozen=True, slots=True)
class CheckedCampaign:
    """A campaign whose counts were compared with its rows.

    :param name: its name, or its number if it has counts and no row of its own.
    :param messages: the number of its messages, counted anew.
    """

    id: int
    name: str
    messages: int
    differences: Sequence[Difference]


@dataclass(frozen=True, slots=True)
class _Kept:
    """A table of counts, as it should be.

    :param key: the columns that say what is counted.
    :param counts: the columns of counts.
    :param counted: both, counted anew for one campaign.
    """

    table: sa.Table
    key: Sequence[str]
    counts: Sequence[str]
    counted: sa.Select[Any]


def check(engine: sa.Engine) -> Iterator[CheckedCampaign]:
    """Count the messages of each campaign anew, and compare; others may go on working.

    One statement reads the rows and their counts, so that both are of the same moment.
    """
    known, counted = campaign.c, campaign_count.c
    unknown = sa.select(counted.campaign_id).where(~sa.exists().where(known.id == counted.campaign_id)).distinct()
    with reading(engine) as connection:
        campaigns = [tuple(row) for row in connection.execute(sa.select(known.id, known.name).order_by(known.id))]
        campaigns += [(each, f"(number {each})") for each in connection.execute(unknown).scalars()]
    for campaign_id, name in campaigns:
        messages, differences = 0, list[Difference]()
        with reading(engine) as connection:
            for kept in _kept_counts(connection.dialect.name, campaign_id):
                rows = connection.execute(_compared(kept, campaign_id)).all()
                differences += _differences(kept, rows)
                if kept.table is campaign_count:
                    messages = sum(int(row.counted_messages) for row in rows)
            found, ranges = count_ranges(connection, campaign_id)
        if found != ranges:
            differences.append(Difference(RANGES, found, ranges))
        yield CheckedCampaign(campaign_id, name, messages, differences)


def repair(engine: sa.Engine, campaign_id: int) -> None:
    """Replace the counts of a campaign by new ones, under its lock; loads read again what they would not have found."""
    with transaction(engine) as connection:
        # Of a campaign that somebody deleted by hand, only the counts are left.
        if connection.execute(sa.select(sa.exists().where(campaign.c.id == campaign_id))).scalar_one():
            mark_lost_messages(connection, campaign_id, lock_campaign(connection, campaign_id))
        for kept in _kept_counts(connection.dialect.name, campaign_id):
            connection.execute(kept.table.delete().where(kept.table.c.campaign_id == campaign_id))
            of_campaign = sa.literal(campaign_id, kept.table.c.campaign_id.type)
            rows = sa.select(of_campaign, *kept.counted.subquery().c)
            connection.execute(kept.table.insert().from_select(["campaign_id", *kept.key, *kept.counts], rows))


def _kept_counts(dialect: str, campaign_id: int) -> tuple[_Kept, _Kept]:
    kind = ("state", "reason", "delivery_status", "delivery_channel")
    of_campaign = message.c.campaign_id == campaign_id
    repeats = sa.func.coalesce(sa.func.sum(message.c.repeats), 0).label("repeats")
    columns = [message.c[name] for name in kind]
    by_kind = sa.select(*columns, sa.func.count().label("messages"), repeats).where(of_campaign).group_by(*columns)
    each = _moments(dialect, campaign_id).subquery().c
    by_hour = sa.select(each.hour, each.outcome, sa.func.sum(each.n).label("messages")).group_by(
        each.hour, each.outcome
    )
    return (
        _Kept(campaign_count, kind, ("messages", "repeats"), by_kind),
        _Kept(campaign_hour, ("hour", "outcome"), ("messages",), by_hour),
    )


def _moments(dialect: str, campaign_id: int) -> sa.CompoundSelect[Any]:
    """Return what got where in which hour: the messages with a status, and the requests that were sent."""
    status_at = sa.func.coalesce(message.c.delivery_at, message.c.updated_at)
    is_sent = sa.or_(
        request.c.state == "accepted", sa.and_(request.c.state == "in_doubt", request.c.echoed_at.is_not(None))
    )
    return sa.union_all(
        sa.select(
            _hour(dialect, status_at).label("hour"),
            message.c.delivery_status.label("outcome"),
            sa.literal(1).label("n"),
        ).where(message.c.campaign_id == campaign_id, message.c.delivery_status != ""),
        sa.select(_hour(dialect, request.c.claimed_at), sa.literal("accepted"), request.c.recipients).where(
            request.c.campaign_id == campaign_id, is_sent
        ),
    )


def _hour(dialect: str, moment: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    if dialect == "postgresql":
        return sa.func.date_bin(sa.text("interval '1 hour'"), moment, sa.text("timestamptz '2000-01-01 00:00+00'"))
    text = sa.func.substr(sa.type_coerce(moment, sa.Text), 1, 13).concat(":00:00.000000")
    return sa.type_coerce(text, campaign_hour.c.hour.type)


def _compared(kept: _Kept, campaign_id: int) -> sa.Select[Any]:
    """Return all counts of a campaign: what is counted, the count that is kept, and that of the rows."""
    counted = kept.counted.subquery().c
    kept_names, counted_names = ([f"{side}_{name}" for name in kept.counts] for side in ("kept", "counted"))
    of_table = sa.select(
        *(kept.table.c[name] for name in kept.key),
        *(kept.table.c[name].label(f"kept_{name}") for name in kept.counts),
        *(sa.literal(0, sa.BigInteger).label(name) for name in counted_names),
    ).where(kept.table.c.campaign_id == campaign_id)
    of_rows = sa.select(
        *(counted[name] for name in kept.key),
        *(sa.literal(0, sa.BigInteger).label(name) for name in kept_names),
        *(counted[name].label(f"counted_{name}") for name in kept.counts),
    )
    both = sa.union_all(of_table, of_rows).subquery().c
    key = [both[name] for name in kept.key]
    return sa.select(*key, *(sa.func.sum(both[name]).label(name) for name in (*kept_names, *counted_names))).group_by(
        *key
    )


def _differences(kept: _Kept, rows: Sequence[sa.Row[Any]]) -> Iterator[Difference]:
    for row in (each._mapping for each in rows):
        key = ", ".join(f"{name}={row[name]}" for name in kept.key if row[name] != "")
        for name in kept.counts:
            before, now = int(row[f"kept_{name}"]), int(row[f"counted_{name}"])
            if before != now:
                yield Difference(f"{name} of {key}", before, now)
