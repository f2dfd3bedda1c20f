"""Schedules: the store holds campaigns, and how to send them, until shortly before their date."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsPlanIncompleteError
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.campaign.campaigns import Campaign, campaign_from_row, lock_campaign
from airflow_provider_rcs.store.db.bulk import insert_or_update
from airflow_provider_rcs.store.db.clock import database_now
from airflow_provider_rcs.store.db.count_tables import campaign_count
from airflow_provider_rcs.store.db.engine import reading, reading_once, transaction
from airflow_provider_rcs.store.db.leases import is_alive_at
from airflow_provider_rcs.store.db.tables import attempt as attempts
from airflow_provider_rcs.store.db.tables import campaign as campaigns
from airflow_provider_rcs.store.db.tables import cancellation, message, scheduled
from airflow_provider_rcs.store.outbox.attempts import Attempt, require_active
from airflow_provider_rcs.store.outbox.claims import claimable_by


@dataclass(frozen=True, slots=True)
class ScheduledCampaign:
    """A campaign that is held until its date.

    :param due_at: the date.
    :param settings: how to send it, as given to :func:`begin_schedule`.
    :param listed_by: the id of the attempt that started its latest list.
    """

    campaign: Campaign
    due_at: datetime
    settings: Mapping[str, Any]
    listed_by: int


def begin_schedule(engine: sa.Engine, attempt: Attempt, due_at: datetime, settings: Mapping[str, Any]) -> None:
    """Record how to send a campaign at its date, before its list is recorded.

    Until :func:`finish_schedule` is called, no dispatch can start with a list of the campaign: the new list is not
    complete, and the previous one may contain recipients that were removed since. A dispatch that started with the
    previous list before continues, and sends to no recipient of the new list.

    :param due_at: when the campaign shall be sent.
    :param settings: JSON values; no personal data and no secrets.
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
        require_active(connection, attempt)
        insert_or_update(
            connection,
            scheduled,
            [row],
            key=["campaign_id"],
            changes=lambda new: {name: new[name] for name in row if name != "campaign_id"},
        )


def finish_schedule(engine: sa.Engine, attempt: Attempt) -> None:
    """Mark the attempt's list as complete, so that it can be sent.

    If another attempt has started a newer list since, this has no effect: the newer list is the one to be sent.

    :raises RcsFencedError: if the attempt has lost its lease.
    :raises RcsCancelledError: if the campaign was cancelled.
    """
    with transaction(engine) as connection:
        lock_campaign(connection, attempt.campaign.id)
        require_active(connection, attempt)
        connection.execute(
            scheduled.update()
            .where(scheduled.c.campaign_id == attempt.campaign.id, scheduled.c.listed_by == attempt.id)
            .values(is_whole=True)
        )


def delete_schedule(engine: sa.Engine, campaign: Campaign) -> bool:
    """Delete the schedule of a campaign that is sent without a dispatch, and return whether it had one."""
    of_campaign = scheduled.c.campaign_id == campaign.id
    with reading_once(engine) as connection:
        if connection.execute(sa.select(scheduled.c.campaign_id).where(of_campaign)).first() is None:
            return False
    with transaction(engine) as connection:
        lock_campaign(connection, campaign.id)
        return connection.execute(scheduled.delete().where(of_campaign)).rowcount > 0


def scheduled_campaigns(engine: sa.Engine) -> Sequence[ScheduledCampaign]:
    """Return the campaigns that still need a dispatch, ordered by their dates."""
    with reading(engine) as connection:
        return _read(connection, sa.true())


def due_campaigns(engine: sa.Engine, until: datetime) -> Sequence[ScheduledCampaign]:
    """Return the scheduled campaigns whose date has come, except those whose recipients are being listed now.

    :param until: the latest date that counts as due.
    """
    with reading(engine) as connection:
        is_being_listed = sa.exists().where(
            attempts.c.id == scheduled.c.listed_by, is_alive_at(database_now(connection))
        )
        is_due = sa.and_(scheduled.c.due_at <= until, sa.or_(scheduled.c.is_whole, ~is_being_listed))
        return _read(connection, is_due)


def assign_scheduled_list(engine: sa.Engine, attempt: Attempt, schedule: ScheduledCampaign) -> None:
    """Move the planned recipients of the campaign's latest list to the list of a dispatch, which has none of its own.

    :param attempt: the attempt of the dispatch.
    :param schedule: the schedule as the dispatch has read it.
    :raises RcsPlanIncompleteError: if that list is not complete, or a newer one was started since.
    :raises RcsFencedError: if the attempt has lost its lease.
    :raises RcsCancelledError: if the campaign was cancelled.
    """
    of_campaign = scheduled.c.campaign_id == attempt.campaign.id
    with transaction(engine) as connection:
        lock_campaign(connection, attempt.campaign.id)
        require_active(connection, attempt)
        current = connection.execute(
            sa.select(scheduled.c.listed_by, scheduled.c.is_whole).where(of_campaign)
        ).one_or_none()
        # The schedule is gone if a task that sends by itself has taken over the campaign; it sends the list then.
        if current is None:
            return
        if not current.is_whole or current.listed_by != schedule.listed_by:
            raise RcsPlanIncompleteError(
                f"campaign {attempt.campaign.name!r}: the task that lists its recipients has failed, or is listing "
                f"them again. Nothing was sent. {RcsPlanIncompleteError.remedy}"
            )
        connection.execute(
            message.update()
            .where(
                message.c.campaign_id == attempt.campaign.id,
                message.c.state == MessageState.PLANNED,
                message.c.listed_by >= schedule.listed_by,
                # A dispatch that began later may have got the list first: both send it together then.
                message.c.listed_by < attempt.id,
            )
            .values(listed_by=attempt.id)
        )


def count_missing_variables(engine: sa.Engine, attempt: Attempt, variables: Sequence[str]) -> Mapping[str, int]:
    """Return how many recipients of the attempt have no value for a variable: variable -> recipients.

    :param variables: the variables that need a value for every recipient.
    """
    with reading(engine) as connection:
        dialect, is_claimable = connection.dialect.name, claimable_by(connection, attempt)
        counts = {
            variable: connection.execute(
                sa.select(sa.func.count()).where(is_claimable, ~_has_value(dialect, variable))
            ).scalar_one()
            for variable in variables
        }
    return {variable: count for variable, count in counts.items() if count}


def close_schedule(engine: sa.Engine, attempt: Attempt) -> None:
    """Record that a dispatch has nothing left to do; the campaign is due again only if messages are planned again."""
    with transaction(engine) as connection:
        lock_campaign(connection, attempt.campaign.id)
        connection.execute(
            scheduled.update()
            .where(scheduled.c.campaign_id == attempt.campaign.id, scheduled.c.is_whole)
            .values(settled_at=datetime.now(UTC))
        )


# Counted first: without a planned message, all of the campaign's would be read.
_COUNTS_PLANNED = sa.exists().where(
    campaign_count.c.campaign_id == scheduled.c.campaign_id,
    campaign_count.c.state == MessageState.PLANNED,
    campaign_count.c.messages > 0,
)
_HAS_PLANNED = sa.exists().where(
    message.c.campaign_id == scheduled.c.campaign_id,
    message.c.state == MessageState.PLANNED,
    message.c.listed_by >= scheduled.c.listed_by,
)
_NEEDS_DISPATCH = sa.and_(
    sa.or_(scheduled.c.settled_at.is_(None), sa.and_(_COUNTS_PLANNED, _HAS_PLANNED)),
    ~sa.exists().where(cancellation.c.campaign_id == scheduled.c.campaign_id),
)


def _read(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> Sequence[ScheduledCampaign]:
    rows = (
        sa.select(campaigns, scheduled.c.due_at, scheduled.c.settings, scheduled.c.listed_by)
        .join(scheduled, scheduled.c.campaign_id == campaigns.c.id)
        .where(_NEEDS_DISPATCH, condition)
        .order_by(scheduled.c.due_at, campaigns.c.id)
    )
    return [
        ScheduledCampaign(campaign_from_row(row), row.due_at, row.settings, row.listed_by)
        for row in connection.execute(rows)
    ]


def _has_value(dialect: str, variable: str) -> sa.ColumnElement[bool]:
    # Read as a set of names and values: a JSON path cannot hold every character that a name may have.
    json_each = sa.func.json_each_text if dialect == "postgresql" else sa.func.json_each
    values = json_each(message.c.variables).table_valued("key", "value")
    return sa.exists().select_from(values).where(values.c.key == variable, values.c.value != "")
