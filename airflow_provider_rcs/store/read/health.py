"""The health of the store for people: its version, the last report, what waits, and what was refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from airflow_provider_rcs.store.db.engine import reading
from airflow_provider_rcs.store.db.inbox_tables import report, report_refused
from airflow_provider_rcs.store.db.migrate import VERSION_TABLE, newest_version
from airflow_provider_rcs.store.inbox.backlog import Backlog, read_backlog


@dataclass(frozen=True, slots=True)
class RefusedFor:
    """The bodies that could not be read for one reason.

    :param bodies: how many different ones.
    :param times: how often they were received.
    :param last_received_at: when the last of them was received.
    """

    reason: str
    bodies: int
    times: int
    last_received_at: datetime


@dataclass(frozen=True, slots=True)
class StoreHealth:
    """The health of a store.

    :param database: the kind of its database.
    :param version: of its tables.
    :param needed_version: the version that this provider needs.
    :param last_report_at: when the newest report that it still has was received; ``None`` without any.
    :param refused: the most frequent reasons first.
    """

    database: str
    version: str
    needed_version: str
    last_report_at: datetime | None
    backlog: Backlog
    refused: Sequence[RefusedFor]


def read_health(engine: sa.Engine, most_reasons: int = 50) -> StoreHealth:
    """Return the health of a store.

    :param most_reasons: how many reasons at most.
    """
    version = sa.select(sa.table(VERSION_TABLE, sa.column("version_num", sa.Text)).c.version_num)
    last_report = sa.select(report.c.received_at).order_by(report.c.id.desc()).limit(1)
    times = sa.func.sum(report_refused.c.times)
    last = sa.type_coerce(sa.func.max(report_refused.c.last_received_at), report_refused.c.last_received_at.type)
    refused = (
        sa.select(report_refused.c.reason, sa.func.count(), times, last)
        .group_by(report_refused.c.reason)
        .order_by(times.desc(), report_refused.c.reason)
        .limit(most_reasons)
    )
    backlog = read_backlog(engine)
    with reading(engine) as connection:
        return StoreHealth(
            "SQLite" if engine.dialect.name == "sqlite" else "PostgreSQL",
            str(connection.execute(version).scalar_one()),
            newest_version(),
            connection.execute(last_report).scalar_one_or_none(),
            backlog,
            [RefusedFor(reason, bodies, int(sent), at) for reason, bodies, sent, at in connection.execute(refused)],
        )
