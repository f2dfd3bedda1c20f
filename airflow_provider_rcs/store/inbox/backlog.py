"""The backlog of the inbox: reports that are not folded yet or set aside, opt-outs not applied, bodies refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import sqlalchemy as sa

from airflow_provider_rcs.store.db.engine import reading, reading_once
from airflow_provider_rcs.store.db.inbox_tables import inbound, report, report_refused

EVER = datetime(1, 1, 2, tzinfo=UTC)
"""Before any report was received."""

IS_LANDED = report.c.fold.is_(None)
IS_PARKED = sa.and_(report.c.fold.is_not(None), report.c.message_id.is_(None), report.c.fold_error.is_(None))

# Counting more would take longer than anyone who asks for the backlog waits.
MOST_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class Backlog:
    """What has arrived and was not applied.

    :param unfolded: how many reports wait for a fold; at most 10,000 are counted.
    :param oldest: when the first of them arrived; ``None`` without any.
    :param set_aside: how many reports could not be folded and are set aside; at most 10,000 are counted.
    :param unapplied_opt_outs: how many people opted out by a reply that does not say which phone to suppress.
    :param refused: how many different bodies could not be read; at most 10,000 are counted.
    """

    unfolded: int
    oldest: datetime | None
    set_aside: int
    unapplied_opt_outs: int = 0
    refused: int = 0


def read_backlog(engine: sa.Engine) -> Backlog:
    """Return the backlog of a store."""
    with reading(engine) as connection:
        first = sa.select(report.c.received_at).where(IS_LANDED).order_by(report.c.id).limit(1)
        return Backlog(
            unfolded=_count(connection, IS_LANDED),
            oldest=connection.execute(first).scalar_one_or_none(),
            set_aside=_count(connection, report.c.fold_error.is_not(None)),
            unapplied_opt_outs=_count(connection, inbound.c.is_unapplied),
            refused=_count(connection, report_refused.c.id > 0),
        )


def _count(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> int:
    counted = sa.select(sa.literal(1)).where(condition).limit(MOST_COUNTED).subquery()
    return int(connection.execute(sa.select(sa.func.count()).select_from(counted)).scalar_one())


class Waiting(NamedTuple):
    """Whether there is something for each step of a fold."""

    reports: bool
    replies: bool
    parked: bool
    unapplied: bool


def read_waiting(engine: sa.Engine, since: datetime = EVER) -> Waiting:
    """Return what waits to be folded, without the lock for which others may wait.

    :param since: parked reports that were received before do not count.
    """
    waits = (
        IS_LANDED,
        inbound.c.fold.is_(None),
        sa.and_(IS_PARKED, report.c.received_at >= since),
        inbound.c.is_unapplied,
    )
    with reading_once(engine) as connection:
        return Waiting._make(connection.execute(sa.select(*(sa.exists().where(each) for each in waits))).one())
