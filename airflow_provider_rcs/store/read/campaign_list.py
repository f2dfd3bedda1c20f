"""The campaigns of the store for people: a page of them, newest first, each with its counts and marks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.accounts import shown_account
from airflow_provider_rcs.api.statuses import DeliveryStatus
from airflow_provider_rcs.store.campaign.campaigns import IS_NO_TEST
from airflow_provider_rcs.store.campaign.cancellations import Cancellation, cancellation_of_row
from airflow_provider_rcs.store.db.count_tables import campaign_count, report_count
from airflow_provider_rcs.store.db.engine import reading
from airflow_provider_rcs.store.db.tables import attempt, campaign, cancellation, scheduled
from airflow_provider_rcs.store.inbox.silence import SILENT_AFTER, is_overdue, read_silent_campaigns
from airflow_provider_rcs.store.read.overview import COUNTS, number_of

DagIds = Collection[str] | None
"""The DAGs whose campaigns are read; ``None`` for all campaigns, also those that were sent without a DAG."""

_SHOWN = (
    "id",
    "name",
    "template_id",
    "template_name",
    "agent",
    "account",
    "rcs_conn_id",
    "created_at",
    "send_at",
    "test_of",
)
_READ = number_of(campaign_count.c.delivery_status.in_((DeliveryStatus.READ, DeliveryStatus.CLICKED))).label("read")
_COUNTED = (*COUNTS, _READ)
_COUNT_NAMES = tuple(each.name for each in _COUNTED)


class Mark(StrEnum):
    """What a person should know of a campaign at first sight."""

    SILENT = "silent"
    IN_DOUBT = "in doubt"
    CANCELLED = "cancelled"
    SCHEDULED = "scheduled"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class CampaignSummary:
    """A campaign with its counts.

    :param account: the account that sends it, for people.
    :param send_at: when the service shall send; ``None`` for immediately.
    :param counts: requested, accepted, rejected, in_doubt, to_send, delivered, read, failed, unreported; messages that
        were read are delivered, too.
    :param last_report_at: when the last report on it arrived; ``None`` if none has.
    :param silent_since: since when reports are due, if that is for too long and none has arrived.
    :param due_at: when the store sends it, if it is scheduled there.
    :param test_of: the campaign that it tests on the team's phones; ``None`` if it is no test.
    """

    id: int
    name: str
    template_id: str
    template_name: str
    agent: str
    account: str
    created_at: datetime
    send_at: datetime | None
    counts: Mapping[str, int]
    last_report_at: datetime | None
    silent_since: datetime | None
    due_at: datetime | None
    cancellation: Cancellation | None
    test_of: str | None

    @property
    def share_delivered(self) -> float | None:
        """The delivered share of the accepted messages; ``None`` without any."""
        accepted = self.counts["accepted"]
        return self.counts["delivered"] / accepted if accepted else None

    @property
    def marks(self) -> Sequence[Mark]:
        """What a person should know of it at first sight."""
        marks = {
            Mark.SILENT: self.silent_since is not None,
            Mark.IN_DOUBT: self.counts["in_doubt"] > 0,
            Mark.CANCELLED: self.cancellation is not None,
            Mark.SCHEDULED: self.due_at is not None,
            Mark.TEST: self.test_of is not None,
        }
        return [mark for mark, is_set in marks.items() if is_set]


@dataclass(frozen=True, slots=True)
class CampaignPage:
    """A page of a list of campaigns.

    :param number: of the page, from 1 on.
    :param total: the campaigns of all pages.
    """

    campaigns: Sequence[CampaignSummary]
    number: int
    size: int
    total: int

    @property
    def first(self) -> int:
        """The number of its first campaign, from 1 on."""
        return (self.number - 1) * self.size + 1

    @property
    def last(self) -> int:
        """The number of its last campaign."""
        return self.first + len(self.campaigns) - 1

    @property
    def has_older(self) -> bool:
        """Whether a page follows."""
        return self.last < self.total


def read_page(
    engine: sa.Engine, dag_ids: DagIds, now: datetime, *, search: str = "", number: int = 1, size: int = 50
) -> CampaignPage:
    """Return a page of the campaigns that are no tests, the newest first.

    :param dag_ids: the DAGs whose campaigns are read; ``None`` for all campaigns.
    :param search: a part of a campaign's or template's name, in any case, or a template's id; empty for all.
    :param number: of the page, from 1 on.
    :param size: how many campaigns a page has.
    """
    is_wanted = sa.and_(IS_NO_TEST, _is_of(dag_ids), _is_found_by(search.strip()))
    page = _of_campaigns(is_wanted).limit(size).offset((number - 1) * size)
    with reading(engine) as connection:
        total = connection.execute(sa.select(sa.func.count()).select_from(campaign).where(is_wanted)).scalar_one()
    return CampaignPage(_read(engine, page, now), number, size, total)


def read_summary(engine: sa.Engine, name: str, dag_ids: DagIds, now: datetime) -> CampaignSummary | None:
    """Return the campaign of a name, or ``None`` if it does not exist, or is not of one of the DAGs."""
    found = _read(engine, _of_campaigns(sa.and_(campaign.c.name == name, _is_of(dag_ids))), now)
    return found[0] if found else None


def read_campaigns_of_run(
    engine: sa.Engine, dag_id: str, run_id: str, now: datetime, most: int = 24
) -> Sequence[CampaignSummary]:
    """Return the campaigns that tasks of a DAG run send or sent, in the order in which they began.

    :param most: how many at most; the newest.
    """
    of_run = sa.select(attempt.c.campaign_id).where(attempt.c.dag_id == dag_id, attempt.c.run_id == run_id)
    return _read(engine, _of_campaigns(sa.and_(IS_NO_TEST, campaign.c.id.in_(of_run))).limit(most), now)[::-1]


def read_siblings(
    engine: sa.Engine, campaign_id: int, dag_ids: DagIds, now: datetime, most: int = 12
) -> Sequence[CampaignSummary]:
    """Return the campaigns that other tasks of the same DAG runs send or sent, such as those of an A/B test.

    Campaigns of the same task do not belong together: it dispatches whatever is due.

    :param most: how many at most.
    """
    own, other = attempt.alias("own"), attempt.alias("other")
    is_other_task = sa.or_(own.c.task_id != other.c.task_id, own.c.map_index != other.c.map_index)
    is_same_run = sa.and_(own.c.dag_id == other.c.dag_id, own.c.run_id == other.c.run_id, is_other_task)
    ids = (
        sa.select(other.c.campaign_id)
        .select_from(own.join(other, is_same_run))
        .where(own.c.campaign_id == campaign_id, other.c.campaign_id != campaign_id)
    )
    return _read(engine, _of_campaigns(sa.and_(IS_NO_TEST, campaign.c.id.in_(ids), _is_of(dag_ids))).limit(most), now)


def _of_campaigns(condition: sa.ColumnElement[bool]) -> sa.Select[Any]:
    return (
        sa.select(
            *(campaign.c[name] for name in _SHOWN),
            *(cancellation.c[each.name] for each in fields(Cancellation)),
            scheduled.c.due_at,
        )
        .outerjoin(cancellation, cancellation.c.campaign_id == campaign.c.id)
        .outerjoin(scheduled, sa.and_(scheduled.c.campaign_id == campaign.c.id, scheduled.c.settled_at.is_(None)))
        .where(condition)
        .order_by(campaign.c.id.desc())
    )


def _is_of(dag_ids: DagIds) -> sa.ColumnElement[bool]:
    if dag_ids is None:
        return sa.true()
    return sa.exists().where(attempt.c.campaign_id == campaign.c.id, attempt.c.dag_id.in_(sorted(dag_ids)))


def _is_found_by(search: str) -> sa.ColumnElement[bool]:
    if not search:
        return sa.true()
    names = (campaign.c.name, campaign.c.template_name)
    return sa.or_(*(name.icontains(search, autoescape=True) for name in names), campaign.c.template_id == search)


def _read(engine: sa.Engine, campaigns: sa.Select[Any], now: datetime) -> Sequence[CampaignSummary]:
    """Return campaigns with all that belongs to them, in the same number of queries however many they are."""
    with reading(engine) as connection:
        rows = connection.execute(campaigns).all()
        ids = [row.id for row in rows]
        counts = _read_counts(connection, ids)
        last_reports = _read_last_reports(connection, ids)
    nothing = dict.fromkeys(_COUNT_NAMES, 0)
    silent = _read_silent(engine, [row.name for row in rows if _has_no_report(counts.get(row.id, nothing))], now)
    return [
        CampaignSummary(
            row.id,
            row.name,
            row.template_id,
            row.template_name,
            row.agent,
            account=shown_account(row.account, row.rcs_conn_id),
            created_at=row.created_at,
            send_at=row.send_at,
            counts=counts.get(row.id, nothing),
            last_report_at=last_reports.get(row.id),
            silent_since=silent.get(row.name),
            due_at=row.due_at if row.decided_at is None else None,
            cancellation=cancellation_of_row(row),
            test_of=row.test_of,
        )
        for row in rows
    ]


def _read_counts(connection: sa.Connection, ids: Sequence[int]) -> Mapping[int, Mapping[str, int]]:
    of_campaigns = (
        sa.select(campaign_count.c.campaign_id, *_COUNTED)
        .where(campaign_count.c.campaign_id.in_(ids))
        .group_by(campaign_count.c.campaign_id)
    )
    return {
        campaign_id: dict(zip(_COUNT_NAMES, map(int, numbers), strict=True))
        for campaign_id, *numbers in connection.execute(of_campaigns)
    }


def _read_last_reports(connection: sa.Connection, ids: Sequence[int]) -> Mapping[int, datetime]:
    last = sa.type_coerce(sa.func.max(report_count.c.received_at), report_count.c.received_at.type)
    of_campaigns = (
        sa.select(report_count.c.campaign_id, last.label("last"))
        .where(report_count.c.campaign_id.in_(ids))
        .group_by(report_count.c.campaign_id)
    )
    return {row.campaign_id: row.last for row in connection.execute(of_campaigns) if row.last is not None}


def _has_no_report(counts: Mapping[str, int]) -> bool:
    return 0 < counts["accepted"] == counts["unreported"]


def _read_silent(engine: sa.Engine, names: Sequence[str], now: datetime) -> Mapping[str, datetime]:
    if not names:
        return {}
    silent = read_silent_campaigns(engine, names)
    return {name: since for name, since in silent.items() if is_overdue(since, SILENT_AFTER, now)}
