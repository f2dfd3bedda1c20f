"""Schedules: campaigns that are kept, with how to send them, until shortly before their date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsPlanIncompleteError
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.campaign.campaigns import Campaign, lock_campaign, read_campaign
from airflow_provider_rcs.store.campaign.cancellations import require_not_cancelled
from airflow_provider_rcs.store.db.bulk import insert_or_update
from airflow_provider_rcs.store.db.clock import database_now
from airflow_provider_rcs.store.db.engine import reading, transaction
from airflow_provider_rcs.store.db.tables import attempt as attempts
from airflow_provider_rcs.store.db.tables import campaign, cancellation, message, scheduled
from airflow_provider_rcs.store.outbox.attempts import Attempt, require_lease
from airflow_provider_rcs.store.outbox.claims import is_planned_by

_TO_SEND = sa.exists().where(
    message.c.campaign_id == scheduled.c.campaign_id,
    message.c.state == MessageState.PLANNED,
    message.c.listed_by >= scheduled.c.listed_by,
)


_IS_OPEN = sa.and_(
    sa.or_(scheduled.c.settled_at.is_(None), _TO_SEND),
    ~sa.exists().where(cancellation.c.campaign_id == scheduled.c.campaign_id),
)


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A campaign that waits for its date.

    :param due_at: its date.
    :param settings: how to send it, as :func:`begin_schedule` was told.
    :param listed_by: the attempt that began its last list.
    """

    campaign: Campaign
    due_at: datetime
    settings: Mapping[str, Any]
    listed_by: int


def begin_schedule(engine: sa.Engine, attempt: Attempt, due_at: datetime, settings: Mapping[str, Any]) -> None:
    """Keep how to send a campaign later, before its list is recorded.

    From here on until :func:`finish_schedule`, no dispatch takes a list over: not the new one, which is not whole, nor
    the last one, on which may be who is taken off. One that has taken the last one over before goes on with it, and
    sends to nobody of the new one.

    :param due_at: its date.
    :param settings: plain values; nothing of a person, and no secret.
    :raises RcsFencedError: if the attempt has lost its lease.
    :raises RcsCancelledError: if the campaign was cancelled.
    """
    row = {
        "campaign_id": attempt.campaign.id,
        "due_at": due_at,
        "settings": dict(settings),
        "listed_by": attempt.id,
        "is_whole": False,
        "settled_at": None,
    }
    with transaction(engine) as connection:
        lock_campaign(connection, attempt.campaign.id)
        require_lease(connection, attempt.id)
        require_not_cancelled(connection, attempt.campaign)
        insert_or_update(
            connection,
            scheduled,
            [row],
            key=["campaign_id"],
            changes=lambda listed: {name: listed[name] for name in row if name != "campaign_id"},
        )


def finish_schedule(engine: sa.Engine, attempt: Attempt) -> None:
    """Tell that the attempt's list is whole, so that it can be sent; one that was begun since is waited for.

    :raises RcsFencedError: if the attempt has lost its lease.
    :raises RcsCancelledError: if the campaign was cancelled.
    """
    with transaction(engine) as connection:
        lock_campaign(connection, attempt.campaign.id)
        require_lease(connection, attempt.id)
        require_not_cancelled(connection, attempt.campaign)
        connection.execute(
            scheduled.update()
            .where(scheduled.c.campaign_id == attempt.campaign.id, scheduled.c.listed_by == attempt.id)
            .values(is_whole=True)
        )


def leave_schedule(engine: sa.Engine, held: Campaign) -> bool:
    """Forget the schedule of a campaign that is sent without a dispatch, and tell whether it had one."""
    with transaction(engine) as connection:
        lock_campaign(connection, held.id)
        return connection.execute(scheduled.delete().where(scheduled.c.campaign_id == held.id)).rowcount > 0


def take_over_list(engine: sa.Engine, attempt: Attempt, schedule: Scheduled) -> None:
    """Put whom the campaign's last list has planned on the list of an attempt that brings none.

    :param schedule: the campaign's, as it was read.
    :raises RcsPlanIncompleteError: if that list has not come to its end, or another one was begun since.
    :raises RcsFencedError: if the attempt has lost its lease.
    """
    ours = scheduled.c.campaign_id == attempt.campaign.id
    with transaction(engine) as connection:
        lock_campaign(connection, attempt.campaign.id)
        require_lease(connection, attempt.id)
        # None if a task that sends by itself has taken the campaign over: then nobody is taken over here.
        now = connection.execute(sa.select(scheduled.c.listed_by, scheduled.c.is_whole).where(ours)).one_or_none()
        if now is None:
            return
        if not now.is_whole or now.listed_by != schedule.listed_by:
            raise RcsPlanIncompleteError(
                f"campaign {attempt.campaign.name!r}: the task that lists its recipients has failed, or lists them "
                f"anew just now; nobody was sent to. {RcsPlanIncompleteError.remedy}"
            )
        connection.execute(
            message.update()
            .where(
                message.c.campaign_id == attempt.campaign.id,
                message.c.state == MessageState.PLANNED,
                message.c.listed_by >= schedule.listed_by,
                # Another dispatch, begun later, may have taken it over before: both send it together.
                message.c.listed_by < attempt.id,
            )
            .values(listed_by=attempt.id)
        )


def settle_schedule(engine: sa.Engine, attempt: Attempt) -> None:
    """Tell that a dispatch has nothing left to do; it is asked for again only if someone is planned again."""
    with transaction(engine) as connection:
        lock_campaign(connection, attempt.campaign.id)
        connection.execute(
            scheduled.update()
            .where(scheduled.c.campaign_id == attempt.campaign.id, scheduled.c.is_whole)
            .values(settled_at=datetime.now(UTC))
        )


def planned_without(engine: sa.Engine, attempt: Attempt, variables: Sequence[str]) -> Mapping[str, int]:
    """Return how many of those whom the attempt would send to have no value for a variable: variable -> how many.

    :param variables: those that everybody must have a value for.
    """
    with reading(engine) as connection:
        dialect, planned = connection.dialect.name, is_planned_by(connection, attempt)
        counts = {
            variable: connection.execute(
                sa.select(sa.func.count()).where(planned, ~_has_value(dialect, variable))
            ).scalar_one()
            for variable in variables
        }
    return {variable: count for variable, count in counts.items() if count}


def scheduled_campaigns(engine: sa.Engine) -> Sequence[Scheduled]:
    """Return the campaigns that a dispatch has still to send, or to settle, by their dates."""
    with reading(engine) as connection:
        return _read(connection, sa.true())


def due_campaigns(engine: sa.Engine, until: datetime) -> Sequence[Scheduled]:
    """Return those whose date is near or has passed, but for those whose recipients are being listed just now.

    :param until: the latest date that counts.
    """
    with reading(engine) as connection:
        lists_now = sa.exists().where(
            attempts.c.id == scheduled.c.listed_by,
            attempts.c.ended_at.is_(None),
            attempts.c.lease_until >= database_now(connection),
        )
        return _read(connection, sa.and_(scheduled.c.due_at <= until, sa.or_(scheduled.c.is_whole, ~lists_now)))


def _read(connection: sa.Connection, which: sa.ColumnElement[bool]) -> Sequence[Scheduled]:
    rows = (
        sa.select(campaign, scheduled.c.due_at, scheduled.c.settings, scheduled.c.listed_by)
        .join(scheduled, scheduled.c.campaign_id == campaign.c.id)
        .where(_IS_OPEN, which)
        .order_by(scheduled.c.due_at, campaign.c.id)
    )
    return [Scheduled(read_campaign(row), row.due_at, row.settings, row.listed_by) for row in connection.execute(rows)]


def _has_value(dialect: str, variable: str) -> sa.ColumnElement[bool]:
    # As a set of names and values, because a name may have any character in it, which a path could not.
    each = sa.func.json_each_text if dialect == "postgresql" else sa.func.json_each
    given = each(message.c.variables).table_valued("key", "value")
    return sa.exists().select_from(given).where(given.c.key == variable, given.c.value != "")
