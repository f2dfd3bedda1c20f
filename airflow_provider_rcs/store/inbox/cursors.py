"""Counts of the reports of each fold, and cursors: up to which fold triggers have handled them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from airflow_provider_rcs.store.campaign.campaigns import IS_NO_TEST
from airflow_provider_rcs.store.db.bulk import insert_or_ignore, insert_or_update
from airflow_provider_rcs.store.db.count_tables import report_count
from airflow_provider_rcs.store.db.engine import reading, transaction
from airflow_provider_rcs.store.db.inbox_tables import report
from airflow_provider_rcs.store.db.tables import campaign, message, watcher

# The place of a campaign's id, for reports whose message is not known.
_NO_CAMPAIGN = 0


@dataclass(frozen=True, slots=True)
class NewReports:
    """Counts of the reports that were folded after a cursor.

    :param reports: the number of reports.
    :param campaigns: campaign -> number of its reports; parked reports belong to no campaign.
    :param cursor: the last fold among them. Folds become visible in the order of their numbers, so none is missed.
    """

    reports: int
    campaigns: Mapping[str, int]
    cursor: int

    def as_dict(self) -> dict[str, Any]:
        """Return the counts as plain values."""
        return asdict(self)


def read_new_reports(engine: sa.Engine, after: int) -> NewReports | None:
    """Return counts of the reports that were folded after a cursor, or ``None`` if no report was; tests do not count.

    :param after: the cursor; 0 for all reports.
    """
    counts = (sa.func.sum(report_count.c.reports).label("reports"), sa.func.max(report_count.c.fold).label("fold"))
    query = (
        sa.select(campaign.c.name, *counts)
        .select_from(report_count.outerjoin(campaign, campaign.c.id == report_count.c.campaign_id))
        .where(report_count.c.fold > after, IS_NO_TEST)
        .group_by(campaign.c.name)
        .order_by(campaign.c.name)
    )
    with reading(engine) as connection:
        rows = connection.execute(query).all()
    if not rows:
        return None
    return NewReports(
        reports=sum(int(row.reports) for row in rows),
        campaigns={row.name: int(row.reports) for row in rows if row.name is not None},
        cursor=max(row.fold for row in rows),
    )


class CountedReports(NamedTuple):
    """The reports of a campaign in a fold.

    :param campaign_id: 0 for reports whose message is not known.
    :param received_at: when the last of them arrived.
    """

    campaign_id: int
    reports: int
    received_at: datetime | None


def record_counts(connection: sa.Connection, fold: int, counts: Sequence[CountedReports]) -> None:
    """Record how many reports a fold has changed, for a caller that has locked folding.

    Earlier counts of the same campaigns are merged as far as every watcher has handled them, or, without a watcher, all
    of them: each campaign has few.

    :param fold: the number of the fold; recorded only once.
    """
    rows = [{**each._asdict(), "fold": fold} for each in counts if each.reports]
    if not rows:
        return
    handled_by_all = connection.execute(sa.select(sa.func.min(watcher.c.fold))).scalar_one()
    _merge(connection, [row["campaign_id"] for row in rows], fold - 1 if handled_by_all is None else handled_by_all)
    connection.execute(report_count.insert(), rows)


def count_changed_reports(connection: sa.Connection, fold: int) -> None:
    """Like :func:`record_counts`, for a caller that has changed few reports: they are counted in the database."""
    campaign_id = sa.func.coalesce(message.c.campaign_id, _NO_CAMPAIGN)
    received_at = sa.type_coerce(sa.func.max(report.c.received_at), report.c.received_at.type)
    changed = (
        sa.select(campaign_id, sa.func.count(), received_at)
        .select_from(report.outerjoin(message, message.c.id == report.c.message_id))
        .where(report.c.fold == fold)
        .group_by(campaign_id)
    )
    record_counts(connection, fold, [CountedReports(*row) for row in connection.execute(changed)])


def read_cursor(engine: sa.Engine, name: str) -> int:
    """Return the last fold that a watcher has handled; 0 if it has handled none.

    A watcher is registered at its first look, so that no counts are merged that it is about to handle.
    """
    of_watcher = sa.select(watcher.c.fold).where(watcher.c.name == name)
    with reading(engine) as connection:
        fold = connection.execute(of_watcher).scalar_one_or_none()
    if fold is not None:
        return int(fold)
    with transaction(engine) as connection:
        row = {"name": name, "fold": 0, "updated_at": datetime.now(UTC)}
        insert_or_ignore(connection, watcher, [row], key=["name"])
        return int(connection.execute(of_watcher).scalar_one())


def save_cursor(engine: sa.Engine, name: str, fold: int) -> None:
    """Save the last fold that a watcher has handled."""
    row = {"name": name, "fold": fold, "updated_at": datetime.now(UTC)}
    with transaction(engine) as connection:
        insert_or_update(
            connection, watcher, [row], ["name"], lambda new: {"fold": new.fold, "updated_at": new.updated_at}
        )


def _merge(connection: sa.Connection, campaign_ids: Sequence[int], up_to: int) -> None:
    """Merge the counts of campaigns up to a fold, those of each into its last one."""
    table = report_count.c
    merged = sa.and_(table.campaign_id.in_(campaign_ids), table.fold <= up_to)
    received_at = sa.type_coerce(sa.func.max(table.received_at), table.received_at.type)
    several = (
        sa.select(table.campaign_id, sa.func.max(table.fold), sa.func.sum(table.reports), received_at)
        .where(merged)
        .group_by(table.campaign_id)
        .having(sa.func.count() > 1)
    )
    names = ("campaign_id", "fold", "reports", "received_at")
    rows = [dict(zip(names, row, strict=True)) for row in connection.execute(several)]
    if rows:
        connection.execute(
            report_count.delete().where(merged, table.campaign_id.in_([row["campaign_id"] for row in rows]))
        )
        connection.execute(report_count.insert(), rows)
