"""Pruning: what is old goes, except who must not be messaged again, which is kept as hashes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.campaign.campaigns import lock_campaign
from airflow_provider_rcs.store.db.bulk import insert_or_ignore
from airflow_provider_rcs.store.db.clock import database_now
from airflow_provider_rcs.store.db.engine import reading, transaction
from airflow_provider_rcs.store.db.tables import (
    attempt,
    campaign,
    exclusion,
    exclusion_pseudonym,
    message,
    report,
    report_refused,
    request,
)
from airflow_provider_rcs.store.inbox.folding import lock_folding
from airflow_provider_rcs.store.privacy.pseudonyms import (
    ANONYMOUS_REPORT,
    IDENTIFIES_RECIPIENT,
    IS_PSEUDONYMISED,
    Pseudonyms,
    create_pseudonyms,
    pseudonymise_messages,
)

PRUNED_UNSENT = "pruned before it was sent"


_ROWS_A_SET = 5_000


_REPORTS_A_SET = 20_000


_AT_REST = (MessageState.ACCEPTED, MessageState.REJECTED, MessageState.DUPLICATE, MessageState.SUPPRESSED)


_MAY_BE_PRUNED = (*_AT_REST, MessageState.PLANNED)


@dataclass(frozen=True, slots=True)
class RetentionLimit:
    """What is old.

    :param before: a message is old if nothing has happened on it since then, and a report if it came before then.
    :param campaign_id: of the only campaign that is pruned; ``None`` for all, and for what belongs to no campaign.
    """

    before: datetime
    campaign_id: int | None = None


@dataclass(frozen=True, slots=True)
class PrunedRows:
    """A set of rows of a table that was pruned, and is committed."""

    table: str
    rows: int


def prune(engine: sa.Engine, limit: RetentionLimit) -> Iterator[PrunedRows]:
    """Prune the store, set by set; it may be stopped or killed between or in any of them, and run again.

    A message keeps its row, with a hash for the phone and nothing else that tells who it was. It is left whole while it
    is in doubt, is being sent, or is planned and an attempt at its campaign is alive.
    """
    with transaction(engine) as connection:
        hashes = create_pseudonyms(connection)
    with reading(engine) as connection:
        campaigns = connection.execute(_campaigns(limit)).scalars().all()
        quiet = connection.execute(_campaigns(limit).where(_is_quiet(limit, database_now(connection)))).scalars().all()
    for campaign_id in campaigns:
        yield from _prune_messages(engine, limit, campaign_id, hashes)
    # Only now: whatever a fold that runs meanwhile finds by its phone is among these reports.
    for first, last in _spans_of_reports(engine):
        yield PrunedRows("rcs_report", _prune_reports(engine, limit, report.c.id.between(first, last)))
    for campaign_id in quiet:
        yield from _prune_exclusions(engine, campaign_id, hashes)
    if limit.campaign_id is None:
        with transaction(engine) as connection:
            refused = connection.execute(report_refused.delete().where(report_refused.c.received_at < limit.before))
        yield PrunedRows("rcs_report_refused", refused.rowcount)


def count_prunable(engine: sa.Engine, limit: RetentionLimit) -> Mapping[str, int]:
    """Return what would be pruned now: table -> rows. Nothing is written."""
    with reading(engine) as connection:
        now = database_now(connection)
        of_old_campaigns = message.c.campaign_id.in_(_campaigns(limit))
        will_be_hashed = sa.and_(of_old_campaigns, _is_prunable(limit, now))
        gone = _is_on(limit, sa.or_(IS_PSEUDONYMISED, will_be_hashed))
        is_excluded = exclusion.c.campaign_id.in_(_campaigns(limit).where(_is_quiet(limit, now)))
        is_refused = sa.and_(sa.literal(limit.campaign_id is None), report_refused.c.received_at < limit.before)
        return {
            "rcs_message": _count(connection, message, will_be_hashed),
            "rcs_report": _count(connection, report, _is_deletable(limit, gone)),
            "rcs_exclusion": _count(connection, exclusion, is_excluded),
            "rcs_report_refused": _count(connection, report_refused, is_refused),
        }


def count_unfinished(engine: sa.Engine, limit: RetentionLimit) -> int:
    """Return how many old messages are left whole because they are in doubt, planned or being sent."""
    with reading(engine) as connection:
        is_open = sa.and_(_is_old(limit), sa.not_(_is_prunable(limit, database_now(connection))))
        return _count(connection, message, sa.and_(message.c.campaign_id.in_(_campaigns(limit)), is_open))


def _prune_messages(
    engine: sa.Engine, limit: RetentionLimit, campaign_id: int, hashes: Pseudonyms
) -> Iterator[PrunedRows]:
    may_be = sa.and_(message.c.campaign_id == campaign_id, _is_old(limit), message.c.state.in_(_MAY_BE_PRUNED))
    # In the order of the index, behind whose phones the hashes are put.
    page = sa.select(message.c.id, message.c.recipient_key).where(may_be).order_by(message.c.recipient_key)
    last = ""
    while rows := _rows(engine, page.where(message.c.recipient_key > last).limit(_ROWS_A_SET)):
        last = rows[-1].recipient_key
        with transaction(engine) as connection:
            revision = lock_campaign(connection, campaign_id)
            still = _is_prunable(limit, database_now(connection))
            recipients = [(row.id, row.recipient_key) for row in rows]
            pruned = pseudonymise_messages(connection, hashes, campaign_id, revision, recipients, PRUNED_UNSENT, still)
        yield PrunedRows("rcs_message", pruned)


def _spans_of_reports(engine: sa.Engine) -> Iterator[tuple[int, int]]:
    ends = sa.select(sa.func.min(report.c.id), sa.func.max(report.c.id))
    with reading(engine) as connection:
        first, last = connection.execute(ends).one()
    for start in range(first or 0, (last or -1) + 1, _REPORTS_A_SET):
        yield start, start + _REPORTS_A_SET - 1


def _prune_reports(engine: sa.Engine, limit: RetentionLimit, of_span: sa.ColumnElement[bool]) -> int:
    """Delete what is old, and take the persons out of what is not and is on a message without its person."""
    on_hashed = _is_on(limit, IS_PSEUDONYMISED)
    rest = sa.or_(on_hashed, sa.and_(_is_old_stranger(limit), _ECHOES_A_LOST_REQUEST))
    with transaction(engine) as connection:
        fold = lock_folding(connection)
        deleted = connection.execute(report.delete().where(of_span, _is_deletable(limit, on_hashed)))
        connection.execute(
            report.update()
            .where(of_span, report.c.fold.is_not(None), IDENTIFIES_RECIPIENT, rest)
            .values(fold=fold, **ANONYMOUS_REPORT)
        )
    return deleted.rowcount


def _prune_exclusions(engine: sa.Engine, campaign_id: int, hashes: Pseudonyms) -> Iterator[PrunedRows]:
    page = sa.select(exclusion.c.phone).where(exclusion.c.campaign_id == campaign_id).limit(_ROWS_A_SET)
    while rows := _rows(engine, page):
        phones = [row.phone for row in rows]
        with transaction(engine) as connection:
            kept = [{"campaign_id": campaign_id, "pseudonym": hashes.of(phone)} for phone in phones]
            insert_or_ignore(connection, exclusion_pseudonym, kept, key=["campaign_id", "pseudonym"])
            gone = exclusion.delete().where(exclusion.c.campaign_id == campaign_id, exclusion.c.phone.in_(phones))
            connection.execute(gone)
        yield PrunedRows("rcs_exclusion", len(phones))


def _rows(engine: sa.Engine, page: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
    with reading(engine) as connection:
        return connection.execute(page).all()


def _count(connection: sa.Connection, table: sa.Table, which: sa.ColumnElement[bool]) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(table).where(which)).scalar_one())


def _campaigns(limit: RetentionLimit) -> sa.Select[Any]:
    """Return the campaigns that may have something old, and whose date has passed as long ago."""
    is_wanted = sa.true() if limit.campaign_id is None else campaign.c.id == limit.campaign_id
    was_due = sa.func.coalesce(campaign.c.send_at, campaign.c.created_at) < limit.before
    return sa.select(campaign.c.id).where(is_wanted, campaign.c.created_at < limit.before, was_due)


def _is_old(limit: RetentionLimit) -> sa.ColumnElement[bool]:
    return sa.and_(sa.not_(IS_PSEUDONYMISED), message.c.updated_at < limit.before)


def _is_prunable(limit: RetentionLimit, now: datetime) -> sa.ColumnElement[bool]:
    is_left = sa.and_(message.c.state == MessageState.PLANNED, sa.not_(_is_being_sent(message.c.campaign_id, now)))
    return sa.and_(_is_old(limit), sa.or_(message.c.state.in_(_AT_REST), is_left))


def _is_being_sent(campaign_id: sa.Column[int], now: datetime) -> sa.ColumnElement[bool]:
    """Whether an attempt at the campaign is alive."""
    is_alive = sa.and_(attempt.c.ended_at.is_(None), attempt.c.lease_until >= now)
    return sa.exists().where(attempt.c.campaign_id == campaign_id, is_alive)


def _is_quiet(limit: RetentionLimit, now: datetime) -> sa.ColumnElement[bool]:
    """Whether no attempt at the campaign was begun since, or is alive."""
    was_begun = sa.exists().where(attempt.c.campaign_id == campaign.c.id, attempt.c.started_at >= limit.before)
    return sa.not_(sa.or_(was_begun, _is_being_sent(campaign.c.id, now)))


def _is_on(limit: RetentionLimit, which: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    """Whether a report is on such a message of the campaigns that are pruned."""
    is_wanted = sa.true() if limit.campaign_id is None else message.c.campaign_id == limit.campaign_id
    return sa.exists().where(message.c.id == report.c.message_id, is_wanted, which)


def _is_old_stranger(limit: RetentionLimit) -> sa.ColumnElement[bool]:
    """Whether a report was parked long ago, because its message is not known."""
    is_wanted = sa.literal(limit.campaign_id is None)
    return sa.and_(is_wanted, report.c.message_id.is_(None), report.c.received_at < limit.before)


def _is_deletable(limit: RetentionLimit, on_a_message: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    is_old = sa.and_(report.c.fold.is_not(None), report.c.received_at < limit.before)
    is_stranger = sa.and_(_is_old_stranger(limit), sa.not_(_ECHOES_A_LOST_REQUEST))
    return sa.and_(is_old, sa.or_(on_a_message, is_stranger))


# Such a report is what shows that the store was restored from an old backup, and must not send.
_ECHOES_A_LOST_REQUEST = sa.and_(
    sa.exists().where(report.c.campaign_reference.like(campaign.c.token + "-%")),
    sa.not_(sa.exists().where(request.c.reference == report.c.campaign_reference)),
)
