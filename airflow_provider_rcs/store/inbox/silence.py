"""Whether delivery reports come: when the last one came on each campaign, and which should have had one by now."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsNoReportsError
from airflow_provider_rcs.store.db.bulk import dialect_insert
from airflow_provider_rcs.store.db.engine import reading, transaction
from airflow_provider_rcs.store.db.tables import campaign, message, report, request, silence

# After it, a campaign without any report is marked.
SILENT_AFTER = timedelta(minutes=10)


_HAS_STATUSES = sa.exists().where(message.c.campaign_id == campaign.c.id, message.c.delivery_rank >= 0)


@dataclass(frozen=True, slots=True)
class ReportHealth:
    """How a campaign's reports come.

    :param last_report_at: when the last one came; ``None`` if none has.
    :param is_overdue: whether none has, though the service accepted messages long enough ago, and was asked for them.
    """

    last_report_at: datetime | None
    is_overdue: bool


def read_report_health(engine: sa.Engine, now: datetime) -> Mapping[str, ReportHealth]:
    """Return how the reports of each campaign come, by its name.

    :param now: the present moment.
    """
    last = (
        sa.select(message.c.campaign_id, sa.func.max(report.c.received_at).label("moment"))
        .join(report, report.c.message_id == message.c.id)
        .group_by(message.c.campaign_id)
        .subquery()
    )
    # The reports of a campaign that was pruned are gone; what they told is on its messages still.
    is_reported_on = sa.case((last.c.moment.is_not(None), sa.true()), else_=_HAS_STATUSES)
    campaigns = sa.select(
        campaign.c.name,
        sa.type_coerce(last.c.moment, report.c.received_at.type).label("last_report_at"),
        is_reported_on.label("is_reported_on"),
    ).outerjoin(last, last.c.campaign_id == campaign.c.id)
    with reading(engine) as connection:
        rows = connection.execute(campaigns).all()
    silences = read_silent_campaigns(engine, [row.name for row in rows if not row.is_reported_on])
    return {
        row.name: ReportHealth(row.last_report_at, is_overdue(silences.get(row.name), SILENT_AFTER, now))
        for row in rows
    }


def read_silent_campaigns(engine: sa.Engine, campaign_names: Collection[str]) -> Mapping[str, datetime]:
    """Return since when reports should come, of those campaigns that asked for them and have none, by their names.

    :param campaign_names: campaigns none of whose messages has a status.
    """
    landed = (
        sa.select(report.c.id)
        .join(asked := request.alias(), asked.c.reference == report.c.campaign_reference)
        .where(
            asked.c.campaign_id == campaign.c.id,
            # Not folded yet, or on a phone that the request does not have: then the receiver works all the same.
            sa.or_(report.c.fold.is_(None), sa.and_(report.c.fold.is_not(None), report.c.message_id.is_(None))),
        )
        .exists()
    )
    sent_at = sa.type_coerce(sa.func.min(request.c.claimed_at), request.c.claimed_at.type)
    silent = (
        sa.select(campaign.c.name, campaign.c.send_at, sent_at.label("sent_at"))
        .join(request, request.c.campaign_id == campaign.c.id)
        .where(campaign.c.name.in_(campaign_names), _should_be_reported_on(), ~landed)
        .group_by(campaign.c.id, campaign.c.name, campaign.c.send_at)
    )
    with reading(engine) as connection:
        return {row.name: max(row.sent_at, row.send_at or row.sent_at) for row in connection.execute(silent)}


def read_campaigns_to_warn_about(engine: sa.Engine, observer: str, now: datetime) -> Mapping[str, datetime]:
    """Return since when reports should come, of the campaigns that are silent for too long, by their names.

    :param observer: who asks; campaigns that they were told of are left out.
    """
    requested = sa.exists().where(request.c.campaign_id == campaign.c.id, _should_be_reported_on())
    told = sa.exists().where(silence.c.campaign_id == campaign.c.id, silence.c.observer == observer)
    with reading(engine) as connection:
        names = connection.execute(sa.select(campaign.c.name).where(requested, ~told, ~_HAS_STATUSES)).scalars().all()
    silences = read_silent_campaigns(engine, names) if names else {}
    return {name: since for name, since in silences.items() if is_overdue(since, SILENT_AFTER, now)}


def require_reports(campaign_name: str, silent_since: datetime | None, within: timedelta, now: datetime) -> None:
    """Make sure that a campaign is not silent for too long.

    :param silent_since: since when reports should come and none has, as :func:`read_silent_campaigns` tells.
    :param within: how long that may be so.
    :raises RcsNoReportsError: if it is so for longer.
    """
    if silent_since is not None and is_overdue(silent_since, within, now):
        raise RcsNoReportsError(f"{silence_warning(campaign_name, silent_since)} Then clear this task.")


def is_overdue(silent_since: datetime | None, within: timedelta, now: datetime) -> bool:
    """Tell whether a campaign has been silent for longer than so long."""
    return silent_since is not None and silent_since + within < now


def silence_warning(campaign_name: str, silent_since: datetime) -> str:
    """Return the words for a campaign that is silent, with what to check."""
    return (
        f"campaign {campaign_name!r}: messages were accepted, and since {silent_since:%Y-%m-%d %H:%M} UTC not one "
        "delivery report has come. Check: is the receiver running and reachable from outside "
        "(GET .../rcs/health)? Does the panel of the RCS account have its address, and the login and password of "
        "the connection rcs_reports? Was a report (Report) asked for there?"
    )


def _should_be_reported_on() -> sa.ColumnElement[bool]:
    """Whether the service accepted a request that asked for reports."""
    return sa.and_(request.c.state == "accepted", request.c.claimed_at >= campaign.c.reports_since)


# The counter of those silences, in Airflow's metrics and the receiver's.
SILENT_METRIC = "rcs.campaign.silent"


def record_silence_warning(engine: sa.Engine, campaign_name: str, observer: str) -> bool:
    """Note that somebody is told of a campaign's silence, and return whether it is the first time.

    :param observer: who, such as the task that waits for the campaign.
    """
    columns = (campaign.c.id, sa.literal(observer), sa.literal(datetime.now(UTC), silence.c.warned_at.type))
    told = sa.select(*columns).where(campaign.c.name == campaign_name)
    with transaction(engine) as connection:
        insert = dialect_insert(connection, silence).from_select(["campaign_id", "observer", "warned_at"], told)
        return connection.execute(insert.on_conflict_do_nothing().returning(silence.c.observer)).first() is not None
