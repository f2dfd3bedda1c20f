"""New reports since a cursor, and the cursors of those who are told of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.store.db.bulk import insert_or_update
from airflow_provider_rcs.store.db.engine import reading, transaction
from airflow_provider_rcs.store.db.tables import campaign, message, report, watcher


@dataclass(frozen=True, slots=True)
class NewReports:
    """Reports that were taken up since a cursor.

    :param reports: how many.
    :param campaigns: campaign -> how many of them are on it; reports whose message is not known are on none.
    :param cursor: the last fold among them. Folds become visible in their order, so that none is left behind it.
    """

    reports: int
    campaigns: Mapping[str, int]
    cursor: int

    def as_dict(self) -> dict[str, Any]:
        """Return the same as plain values."""
        return asdict(self)


def read_new_reports(engine: sa.Engine, after: int) -> NewReports | None:
    """Return the reports taken up by the folds after a cursor, or ``None`` if there are none.

    :param after: the cursor; 0 for all reports.
    """
    query = (
        sa.select(campaign.c.name, sa.func.count().label("reports"), sa.func.max(report.c.fold).label("fold"))
        .select_from(
            report.outerjoin(message, message.c.id == report.c.message_id).outerjoin(
                campaign, campaign.c.id == message.c.campaign_id
            )
        )
        .where(report.c.fold > after)
        .group_by(campaign.c.name)
        .order_by(campaign.c.name)
    )
    with reading(engine) as connection:
        rows = connection.execute(query).all()
    if not rows:
        return None
    return NewReports(
        reports=sum(row.reports for row in rows),
        campaigns={row.name: row.reports for row in rows if row.name is not None},
        cursor=max(row.fold for row in rows),
    )


def read_cursor(engine: sa.Engine, name: str) -> int:
    """Return how far a watcher has come; 0 if it was never told of anything."""
    with reading(engine) as connection:
        return connection.execute(sa.select(watcher.c.fold).where(watcher.c.name == name)).scalar_one_or_none() or 0


def save_cursor(engine: sa.Engine, name: str, fold: int) -> None:
    """Keep how far a watcher has come."""
    row = {"name": name, "fold": fold, "updated_at": datetime.now(UTC)}
    with transaction(engine) as connection:
        insert_or_update(
            connection, watcher, [row], ["name"], lambda new: {"fold": new.fold, "updated_at": new.updated_at}
        )
