"""Silence: campaigns on which reports are due and none has arrived."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsNoReportsError
from airflow_provider_rcs.store.campaign.campaigns import IS_NO_TEST
from airflow_provider_rcs.store.db.count_tables import campaign_count, report_count
from airflow_provider_rcs.store.db.engine import reading
from airflow_provider_rcs.store.db.inbox_tables import REFERENCE_PREFIX, report
from airflow_provider_rcs.store.db.statistics import without_index
from airflow_provider_rcs.store.db.tables import campaign, request
from airflow_provider_rcs.store.inbox.backlog import IS_LANDED

# How long a campaign may be silent before warnings are logged.
SILENT_AFTER = timedelta(minutes=10)

_DAY = timedelta(days=1)
# Until when the receiver warns of a campaign: its reports will hardly come any more.
_GIVEN_UP_AFTER = 7 * _DAY

# The counter of these warnings in the metrics of Airflow and of the receiver.
SILENT_METRIC = "rcs.campaign.silent"

_HAS_STATUSES = sa.exists().where(
    campaign_count.c.campaign_id == campaign.c.id,
    campaign_count.c.delivery_status != "",
    campaign_count.c.messages > 0,
)

# The date as an expression: by its index, PostgreSQL might go through the requests of all campaigns.
_REPORTS_ARE_DUE = sa.and_(
    request.c.campaign_id == campaign.c.id,
    request.c.state == "accepted",
    sa.case((request.c.claimed_at >= campaign.c.reports_since, sa.true()), else_=sa.false()),
)

# A report that is not folded yet, or is parked: it shows as well that the receiver works. Two conditions, each of which
# has an index of few rows.
_NAMES_CAMPAIGN = sa.and_(
    campaign.c.token.concat("-") == REFERENCE_PREFIX, report.c.account.in_(("", campaign.c.account))
)
_HAS_UNFOLDED = sa.exists().where(IS_LANDED, _NAMES_CAMPAIGN)
_HAS_PARKED = sa.exists().where(report.c.fold.is_not(None), report.c.message_id.is_(None), _NAMES_CAMPAIGN)


@dataclass(frozen=True, slots=True)
class ReportHealth:
    """Whether reports on a campaign arrive.

    :param last_report_at: when the last report arrived; ``None`` if none has.
    :param is_overdue: whether none has arrived, although the service accepted messages long enough ago in requests that
        asked for reports.
    """

    last_report_at: datetime | None
    is_overdue: bool


def read_report_health(engine: sa.Engine, now: datetime) -> Mapping[str, ReportHealth]:
    """Return for each campaign, by its name, whether its reports arrive.

    :param now: the current time.
    """
    last = sa.func.max(report_count.c.received_at).label("last_report_at")
    campaigns = (
        sa.select(campaign.c.name, sa.type_coerce(last, report.c.received_at.type).label("last_report_at"))
        .outerjoin(report_count, report_count.c.campaign_id == campaign.c.id)
        .group_by(campaign.c.name)
    )
    with reading(engine) as connection:
        rows = connection.execute(campaigns).all()
    silent = _read_silent(engine, ~_HAS_STATUSES)
    return {
        row.name: ReportHealth(row.last_report_at, is_overdue(silent.get(row.name), SILENT_AFTER, now)) for row in rows
    }


def read_silent_campaigns(engine: sa.Engine, campaign_names: Collection[str]) -> Mapping[str, datetime]:
    """Return the campaigns that asked for reports and have none: name -> since when reports are due.

    :param campaign_names: campaigns none of whose messages has a delivery status.
    """
    return _read_silent(engine, campaign.c.name.in_(campaign_names))


def _read_silent(engine: sa.Engine, condition: sa.ColumnElement[bool]) -> Mapping[str, datetime]:
    # By an expression: in the order of the ids alone, PostgreSQL may go through the requests of other campaigns.
    in_order = without_index(request.c.id)
    first = sa.select(request.c.claimed_at).where(_REPORTS_ARE_DUE).order_by(in_order).limit(1).scalar_subquery()
    silent = sa.select(campaign.c.name, campaign.c.send_at, first.label("sent_at")).where(
        condition, IS_NO_TEST, campaign.c.reports_since.is_not(None), ~_HAS_UNFOLDED, ~_HAS_PARKED
    )
    with reading(engine) as connection:
        return {
            row.name: max(row.sent_at, row.send_at or row.sent_at)
            for row in connection.execute(silent)
            if row.sent_at is not None
        }


def read_campaigns_to_warn_about(
    engine: sa.Engine, now: datetime, last_check: datetime | None
) -> Mapping[str, datetime]:
    """Return the campaigns of the last week that a warning is due about: name -> since when reports are due.

    :param last_check: as for :func:`is_warning_due`.
    """
    return {
        name: since
        for name, since in _read_silent(engine, ~_HAS_STATUSES).items()
        if now < since + _GIVEN_UP_AFTER and is_warning_due(since, now, last_check)
    }


def require_reports(campaign_name: str, silent_since: datetime | None, within: timedelta, now: datetime) -> None:
    """Raise if a campaign has been silent for too long.

    :param silent_since: since when reports are due and none has arrived, from :func:`read_silent_campaigns`.
    :param within: how long a campaign may be silent.
    :raises RcsNoReportsError: if it has been silent for longer.
    """
    if silent_since is not None and is_overdue(silent_since, within, now):
        raise RcsNoReportsError(f"{silence_warning(campaign_name, silent_since)} Then clear this task.")


def is_overdue(silent_since: datetime | None, within: timedelta, now: datetime) -> bool:
    """Return whether a campaign has been silent for longer than ``within``."""
    return silent_since is not None and silent_since + within < now


def is_warning_due(silent_since: datetime | None, now: datetime, last_check: datetime | None) -> bool:
    """Return whether reports are overdue, and another day of silence has begun since the last check.

    :param silent_since: since when reports are due and none has arrived, from :func:`read_silent_campaigns`.
    :param last_check: when this was last asked; ``None`` for the first time, when any overdue campaign is reported.
    """
    if silent_since is None or not is_overdue(silent_since, SILENT_AFTER, now):
        return False
    overdue_at = silent_since + SILENT_AFTER
    day_began_at = overdue_at + (now - overdue_at) // _DAY * _DAY
    return last_check is None or last_check <= day_began_at


def silence_warning(campaign_name: str, silent_since: datetime) -> str:
    """Return the warning about a silent campaign, with what to check."""
    return (
        f"campaign {campaign_name!r}: messages were accepted, but not one delivery report has arrived since "
        f"{silent_since:%Y-%m-%d %H:%M} UTC. Check: is the receiver running, and reachable from outside "
        "(GET .../rcs/health)? Are its address, and the login and password of the connection rcs_reports, entered in "
        "the panel of the RCS account? Are reports (Report) requested there?"
    )
