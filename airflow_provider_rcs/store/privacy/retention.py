"""Retention, which prunes old personal data without forgetting which recipients must not be messaged again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.campaign.campaigns import lock_campaign
from airflow_provider_rcs.store.db.bulk import column_types, rows_as_json, rows_from_json
from airflow_provider_rcs.store.db.clock import database_now
from airflow_provider_rcs.store.db.engine import reading, transaction
from airflow_provider_rcs.store.db.inbox_tables import inbound, report, report_refused
from airflow_provider_rcs.store.db.tables import capped_phone, message
from airflow_provider_rcs.store.inbox.cursors import count_changed_reports
from airflow_provider_rcs.store.inbox.folding import lock_folding
from airflow_provider_rcs.store.privacy.old_rows import (
    SETTLED,
    Retained,
    RetentionLimit,
    is_old_message,
    is_old_refused,
    is_on_any,
    is_on_pruned,
    is_prunable_message,
    old_campaigns,
    retained_inbound,
    retained_reports,
)
from airflow_provider_rcs.store.privacy.pseudonyms import (
    IS_PSEUDONYMISED,
    PSEUDONYM_PREFIX,
    Pseudonyms,
    create_pseudonyms,
    pseudonymise_messages,
)
from airflow_provider_rcs.store.privacy.tested_values import remove_old_values
from airflow_provider_rcs.store.privacy.turns import let_others_write

PRUNED_UNSENT = "pruned before it was sent"

# So few that nobody who sends or folds waits for a tenth of a second, also on a busy machine.
_ROWS_PER_BATCH = 250

_BODIES_PER_BATCH = 100

_ID = column_types(message, ["id"])

_ROWS_PER_SEARCH = 20_000


@dataclass(frozen=True, slots=True)
class PrunedRows:
    """The number of rows of a table that were pruned in one committed batch."""

    table: str
    rows: int


def prune(engine: sa.Engine, limit: RetentionLimit) -> Iterator[PrunedRows]:
    """Prune the store in short batches; stopping or killing it at any time is safe, and the next run continues.

    A message keeps its row, with a pseudonym in place of the phone and without personal data. It is not pruned while it
    is in doubt, is being sent, or is planned and an attempt at its campaign is alive.
    """
    with transaction(engine) as connection:
        pseudonyms = create_pseudonyms(connection)
    with reading(engine) as connection:
        campaigns = connection.execute(old_campaigns(limit)).scalars().all()
    for campaign_id in campaigns:
        yield from _prune_messages(engine, limit, campaign_id, pseudonyms)
    remove_old_values(engine, limit)
    # After the messages: a concurrent fold may still match a report to a message by its phone until then.
    yield from _prune_retained(engine, retained_reports(limit, is_on_pruned(limit, report)))
    yield from _prune_retained(engine, retained_inbound(limit, is_on_pruned(limit, inbound)))
    if limit.campaign_id is None:
        yield from _prune_refused(engine, limit)
        _forget_frequency_caps(engine)


def count_prunable(engine: sa.Engine, limit: RetentionLimit) -> Mapping[str, int]:
    """Return what would be pruned now, without changing anything: table -> rows."""
    with reading(engine) as connection:
        now = database_now(connection)
        of_old_campaigns = message.c.campaign_id.in_(old_campaigns(limit))
        will_be_pruned = sa.and_(of_old_campaigns, is_prunable_message(limit, now))
        is_pruned = sa.or_(IS_PSEUDONYMISED, will_be_pruned)
        reports = retained_reports(limit, is_on_any(limit, report, is_pruned))
        replies = retained_inbound(limit, is_on_any(limit, inbound, is_pruned))
        is_refused = sa.and_(sa.literal(limit.campaign_id is None), is_old_refused(limit))
        return {
            "rcs_message": _count(connection, message, will_be_pruned),
            "rcs_report": _count(connection, report, reports.is_deletable),
            "rcs_inbound": _count(connection, inbound, replies.is_deletable),
            "rcs_report_refused": _count(connection, report_refused, is_refused),
        }


def count_unfinished(engine: sa.Engine, limit: RetentionLimit) -> int:
    """Return the number of old messages that are not pruned because they are in doubt, planned or being sent."""
    with reading(engine) as connection:
        is_unfinished = sa.and_(is_old_message(limit), sa.not_(is_prunable_message(limit, database_now(connection))))
        return _count(connection, message, sa.and_(message.c.campaign_id.in_(old_campaigns(limit)), is_unfinished))


def _prune_messages(
    engine: sa.Engine, limit: RetentionLimit, campaign_id: int, pseudonyms: Pseudonyms
) -> Iterator[PrunedRows]:
    states = (*SETTLED, MessageState.PLANNED)
    # In the order of the index, in which pseudonyms come after phones: what is pruned already is not read again.
    not_pruned = sa.and_(message.c.recipient_key < PSEUDONYM_PREFIX, is_old_message(limit))
    candidates = sa.and_(message.c.campaign_id == campaign_id, not_pruned, message.c.state.in_(states))
    page = sa.select(message.c.id, message.c.recipient_key).where(candidates).order_by(message.c.recipient_key)
    last = ""
    while rows := _read(engine, page.where(message.c.recipient_key > last).limit(_ROWS_PER_BATCH)):
        last = rows[-1].recipient_key
        with transaction(engine) as connection:
            revision = lock_campaign(connection, campaign_id)
            is_still_prunable = is_prunable_message(limit, database_now(connection))
            recipients = [(row.id, row.recipient_key) for row in rows]
            pruned = pseudonymise_messages(
                connection, pseudonyms, campaign_id, revision, recipients, PRUNED_UNSENT, is_still_prunable
            )
        yield PrunedRows("rcs_message", pruned)
        let_others_write(engine)


def _prune_retained(engine: sa.Engine, kept: Retained) -> Iterator[PrunedRows]:
    """Prune reports or messages of people; they are searched without a lock, range by range."""
    ids = kept.table.c.id
    last = 0
    while (end := _end_of_range(engine, ids, last)) is not None:
        is_prunable = sa.or_(kept.is_deletable, kept.must_be_blanked)
        in_range = sa.select(ids.label("id")).where(ids > last, ids <= end, is_prunable).order_by(ids)
        found = _read(engine, in_range)
        for start in range(0, len(found), _ROWS_PER_BATCH):
            of_batch = [row.id for row in found[start : start + _ROWS_PER_BATCH]]
            with transaction(engine) as connection:
                pruned = _prune_those(connection, kept, of_batch, lock_folding(connection))
            yield pruned
            let_others_write(engine)
        last = end


def _prune_refused(engine: sa.Engine, limit: RetentionLimit) -> Iterator[PrunedRows]:
    """Delete refused bodies that are old."""
    old = sa.select(report_refused.c.id).where(is_old_refused(limit)).limit(_BODIES_PER_BATCH)
    while True:
        with transaction(engine) as connection:
            deleted = connection.execute(report_refused.delete().where(report_refused.c.id.in_(old))).rowcount
        if not deleted:
            return
        yield PrunedRows("rcs_report_refused", deleted)
        let_others_write(engine)


def _forget_frequency_caps(engine: sa.Engine) -> None:
    """Delete the phones that a frequency cap was applied to, and that no message has any more."""
    phone = capped_phone.c.phone
    page = sa.select(phone).where(sa.not_(sa.exists().where(message.c.recipient_key == phone))).order_by(phone)
    last = ""
    while rows := _read(engine, page.where(phone > last).limit(_ROWS_PER_BATCH)):
        last = rows[-1].phone
        # A claim that has locked some may wait for others of them, so nothing waits for it here.
        unused = sa.select(phone).where(phone.in_([row.phone for row in rows])).with_for_update(skip_locked=True)
        with transaction(engine) as connection:
            connection.execute(capped_phone.delete().where(phone.in_(unused)))
        let_others_write(engine)


def _end_of_range(engine: sa.Engine, ids: sa.Column[int], last: int) -> int | None:
    """Return the last id of the next range of rows; ``None`` if there are no more."""
    following = sa.select(ids.label("id")).where(ids > last).order_by(ids).limit(_ROWS_PER_SEARCH).subquery()
    with reading(engine) as connection:
        end: int | None = connection.execute(sa.select(sa.func.max(following.c.id))).scalar_one()
    return end


def _prune_those(connection: sa.Connection, kept: Retained, ids: Sequence[int], fold: int) -> PrunedRows:
    """Delete those that may be deleted, and blank those that must be; return how many are deleted.

    :param fold: the number of a new fold.
    """
    dialect = connection.dialect.name
    selected = kept.table.c.id.in_(sa.select(rows_from_json(dialect, _ID).c.id))
    parameter = rows_as_json(dialect, _ID, [(each,) for each in ids])
    deleted = connection.execute(kept.table.delete().where(selected, kept.is_deletable), parameter)
    blank = kept.table.update().where(selected, kept.must_be_blanked)
    connection.execute(blank.values(fold=fold, **kept.anonymous), parameter)
    if kept.table is report:
        count_changed_reports(connection, fold)
    return PrunedRows(kept.table.name, deleted.rowcount)


def _read(engine: sa.Engine, page: sa.Select[Any]) -> Sequence[sa.Row[Any]]:
    with reading(engine) as connection:
        return connection.execute(page).all()


def _count(connection: sa.Connection, table: sa.Table, condition: sa.ColumnElement[bool]) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(table).where(condition)).scalar_one())
