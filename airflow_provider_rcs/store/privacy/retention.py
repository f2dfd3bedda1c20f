"""Retention, which prunes old personal data without forgetting which recipients must not be messaged again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.campaign.campaigns import lock_campaign
from airflow_provider_rcs.store.db.clock import database_now
from airflow_provider_rcs.store.db.engine import reading, transaction
from airflow_provider_rcs.store.db.tables import (
    attempt,
    campaign,
    inbound,
    message,
    report,
    report_refused,
    request,
)
from airflow_provider_rcs.store.inbox.cursors import count_changed_reports
from airflow_provider_rcs.store.inbox.folding import lock_folding
from airflow_provider_rcs.store.privacy.pseudonyms import (
    ANONYMOUS_INBOUND,
    ANONYMOUS_REPORT,
    IDENTIFIES_RECIPIENT,
    INBOUND_IDENTIFIES_PERSON,
    IS_PSEUDONYMISED,
    Pseudonyms,
    create_pseudonyms,
    pseudonymise_messages,
)

PRUNED_UNSENT = "pruned before it was sent"

_ROWS_PER_BATCH = 5_000

_REPORTS_PER_BATCH = 20_000

_SETTLED = (MessageState.ACCEPTED, MessageState.REJECTED, MessageState.DUPLICATE, MessageState.SUPPRESSED)

# Such a report shows that the store was restored from an old backup and must not send, so it must stay.
_IS_OF_UNKNOWN_REQUEST = sa.and_(
    sa.exists().where(report.c.campaign_reference.like(campaign.c.token + "-%")),
    sa.not_(sa.exists().where(request.c.reference == report.c.campaign_reference)),
)


@dataclass(frozen=True, slots=True)
class RetentionLimit:
    """What counts as old.

    :param before: a message is old if it has not changed since this time, a report or a reply if it arrived before.
    :param campaign_id: the only campaign to prune; ``None`` for all, and for rows that belong to no campaign.
    """

    before: datetime
    campaign_id: int | None = None


@dataclass(frozen=True, slots=True)
class PrunedRows:
    """The number of rows of a table that were pruned in one committed batch."""

    table: str
    rows: int


def prune(engine: sa.Engine, limit: RetentionLimit) -> Iterator[PrunedRows]:
    """Prune the store in batches; stopping or killing it at any time is safe, and the next run continues.

    A message keeps its row, with a pseudonym in place of the phone and without personal data. It is not pruned while it
    is in doubt, is being sent, or is planned and an attempt at its campaign is alive.
    """
    with transaction(engine) as connection:
        pseudonyms = create_pseudonyms(connection)
    with reading(engine) as connection:
        campaigns = connection.execute(_campaigns(limit)).scalars().all()
    for campaign_id in campaigns:
        yield from _prune_messages(engine, limit, campaign_id, pseudonyms)
    # After the messages: a concurrent fold may still match a report to a message by its phone until then.
    for first, last in _ranges_of_reports(engine):
        yield PrunedRows("rcs_report", _prune_reports(engine, limit, report.c.id.between(first, last)))
    yield PrunedRows("rcs_inbound", _prune_inbound(engine, limit))
    if limit.campaign_id is None:
        with transaction(engine) as connection:
            refused = connection.execute(report_refused.delete().where(_is_old_refused(limit)))
        yield PrunedRows("rcs_report_refused", refused.rowcount)


def count_prunable(engine: sa.Engine, limit: RetentionLimit) -> Mapping[str, int]:
    """Return what would be pruned now, without changing anything: table -> rows."""
    with reading(engine) as connection:
        now = database_now(connection)
        of_old_campaigns = message.c.campaign_id.in_(_campaigns(limit))
        will_be_pruned = sa.and_(of_old_campaigns, _is_prunable(limit, now))
        is_pruned = sa.or_(IS_PSEUDONYMISED, will_be_pruned)
        on_pruned = _is_on_message(limit, report, is_pruned)
        is_refused = sa.and_(sa.literal(limit.campaign_id is None), _is_old_refused(limit))
        return {
            "rcs_message": _count(connection, message, will_be_pruned),
            "rcs_report": _count(connection, report, _is_deletable(limit, on_pruned)),
            "rcs_inbound": _count(connection, inbound, _is_deletable_inbound(limit, is_pruned)),
            "rcs_report_refused": _count(connection, report_refused, is_refused),
        }


def count_unfinished(engine: sa.Engine, limit: RetentionLimit) -> int:
    """Return the number of old messages that are not pruned because they are in doubt, planned or being sent."""
    with reading(engine) as connection:
        is_unfinished = sa.and_(_is_old(limit), sa.not_(_is_prunable(limit, database_now(connection))))
        return _count(connection, message, sa.and_(message.c.campaign_id.in_(_campaigns(limit)), is_unfinished))


def _prune_messages(
    engine: sa.Engine, limit: RetentionLimit, campaign_id: int, pseudonyms: Pseudonyms
) -> Iterator[PrunedRows]:
    states = (*_SETTLED, MessageState.PLANNED)
    candidates = sa.and_(message.c.campaign_id == campaign_id, _is_old(limit), message.c.state.in_(states))
    # In the order of the index, in which pseudonyms come after phones.
    page = sa.select(message.c.id, message.c.recipient_key).where(candidates).order_by(message.c.recipient_key)
    last = ""
    while rows := _read(engine, page.where(message.c.recipient_key > last).limit(_ROWS_PER_BATCH)):
        last = rows[-1].recipient_key
        with transaction(engine) as connection:
            revision = lock_campaign(connection, campaign_id)
            is_still_prunable = _is_prunable(limit, database_now(connection))
            recipients = [(row.id, row.recipient_key) for row in rows]
            pruned = pseudonymise_messages(
                connection, pseudonyms, campaign_id, revision, recipients, PRUNED_UNSENT, is_still_prunable
            )
        yield PrunedRows("rcs_message", pruned)


def _ranges_of_reports(engine: sa.Engine) -> Iterator[tuple[int, int]]:
    """Yield the first and the last id of each batch of reports."""
    ends = sa.select(sa.func.min(report.c.id), sa.func.max(report.c.id))
    with reading(engine) as connection:
        first, last = connection.execute(ends).one()
    for start in range(first or 0, (last or -1) + 1, _REPORTS_PER_BATCH):
        yield start, start + _REPORTS_PER_BATCH - 1


def _prune_reports(engine: sa.Engine, limit: RetentionLimit, of_batch: sa.ColumnElement[bool]) -> int:
    """Delete old reports, and remove personal data from those that must stay; return the number of deleted ones."""
    on_pseudonymised = _is_on_message(limit, report, IS_PSEUDONYMISED)
    must_stay = sa.or_(on_pseudonymised, sa.and_(_is_old_and_parked(limit), _IS_OF_UNKNOWN_REQUEST))
    with transaction(engine) as connection:
        fold = lock_folding(connection)
        deleted = connection.execute(report.delete().where(of_batch, _is_deletable(limit, on_pseudonymised)))
        connection.execute(
            report.update()
            .where(of_batch, report.c.fold.is_not(None), IDENTIFIES_RECIPIENT, must_stay)
            .values(fold=fold, **ANONYMOUS_REPORT)
        )
        count_changed_reports(connection, fold)
    return deleted.rowcount


def _prune_inbound(engine: sa.Engine, limit: RetentionLimit) -> int:
    """Do the same to messages of people; they are so few that they are one batch."""
    on_pseudonymised = _is_on_message(limit, inbound, IS_PSEUDONYMISED)
    with transaction(engine) as connection:
        fold = lock_folding(connection)
        deleted = connection.execute(inbound.delete().where(_is_deletable_inbound(limit, IS_PSEUDONYMISED)))
        connection.execute(
            inbound.update().where(on_pseudonymised, INBOUND_IDENTIFIES_PERSON).values(fold=fold, **ANONYMOUS_INBOUND)
        )
    return deleted.rowcount


def _read(engine: sa.Engine, page: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
    with reading(engine) as connection:
        return connection.execute(page).all()


def _count(connection: sa.Connection, table: sa.Table, condition: sa.ColumnElement[bool]) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(table).where(condition)).scalar_one())


def _campaigns(limit: RetentionLimit) -> sa.Select[Any]:
    """Return the campaigns that may contain old rows: they were created, and due to be sent, before the limit."""
    is_selected = sa.true() if limit.campaign_id is None else campaign.c.id == limit.campaign_id
    was_due = sa.func.coalesce(campaign.c.send_at, campaign.c.created_at) < limit.before
    return sa.select(campaign.c.id).where(is_selected, campaign.c.created_at < limit.before, was_due)


def _is_old(limit: RetentionLimit) -> sa.ColumnElement[bool]:
    return sa.and_(sa.not_(IS_PSEUDONYMISED), message.c.updated_at < limit.before)


def _is_prunable(limit: RetentionLimit, now: datetime) -> sa.ColumnElement[bool]:
    is_abandoned = sa.and_(
        message.c.state == MessageState.PLANNED, sa.not_(_has_live_attempt(message.c.campaign_id, now))
    )
    return sa.and_(_is_old(limit), sa.or_(message.c.state.in_(_SETTLED), is_abandoned))


def _has_live_attempt(campaign_id: sa.Column[int], now: datetime) -> sa.ColumnElement[bool]:
    is_alive = sa.and_(attempt.c.ended_at.is_(None), attempt.c.lease_until >= now)
    return sa.exists().where(attempt.c.campaign_id == campaign_id, is_alive)


def _is_on_message(limit: RetentionLimit, table: sa.Table, condition: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Whether a report or a reply is on a message that meets the condition, in the campaigns to prune."""
    is_selected = sa.true() if limit.campaign_id is None else message.c.campaign_id == limit.campaign_id
    return sa.exists().where(message.c.id == table.c.message_id, is_selected, condition)


def _is_old_and_parked(limit: RetentionLimit, table: sa.Table = report) -> sa.ColumnElement[bool]:
    is_selected = sa.literal(limit.campaign_id is None)
    return sa.and_(is_selected, table.c.message_id.is_(None), table.c.received_at < limit.before)


def _is_old_refused(limit: RetentionLimit) -> sa.ColumnElement[bool]:
    return report_refused.c.last_received_at < limit.before


def _is_deletable_inbound(limit: RetentionLimit, is_pruned: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    # An opt-out that suppresses no phone must not be forgotten: a person has to find out whose it is.
    is_old = sa.and_(inbound.c.fold.is_not(None), inbound.c.received_at < limit.before, sa.not_(inbound.c.is_unapplied))
    on_pruned_message = _is_on_message(limit, inbound, is_pruned)
    return sa.and_(is_old, sa.or_(on_pruned_message, _is_old_and_parked(limit, inbound)))


def _is_deletable(limit: RetentionLimit, on_pruned_message: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    is_old = sa.and_(report.c.fold.is_not(None), report.c.received_at < limit.before)
    is_unmatched = sa.and_(_is_old_and_parked(limit), sa.not_(_IS_OF_UNKNOWN_REQUEST))
    return sa.and_(is_old, sa.or_(on_pruned_message, is_unmatched))
