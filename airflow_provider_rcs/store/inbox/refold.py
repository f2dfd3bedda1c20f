"""Refolding, which computes the statuses of messages anew from the reports that have landed, with other codes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.api.statuses import DeliveryStatus, status_codes
from airflow_provider_rcs.store.db.bulk import ColumnTypes, column_types, rows_as_json, rows_from_json
from airflow_provider_rcs.store.db.engine import reading, transaction
from airflow_provider_rcs.store.db.inbox_tables import message_channel, report
from airflow_provider_rcs.store.db.tables import campaign, message, store
from airflow_provider_rcs.store.inbox.folded_codes import MIXED, AccountCodes, codes_as_text
from airflow_provider_rcs.store.inbox.folding import lock_folding
from airflow_provider_rcs.store.inbox.status_ranking import (
    best_report_of_each_channel,
    is_of_campaigns,
    replace_channels,
    replace_statuses,
)
from airflow_provider_rcs.store.privacy.pseudonyms import IS_PSEUDONYMISED

_MESSAGES_PER_BATCH = 10_000

# Not those that are set aside, whose data the database refused. Parked reports have no message.
_IS_FOLDED = sa.and_(report.c.fold.is_not(None), report.c.fold_error.is_(None))

_BEST: ColumnTypes = {
    "campaign_id": sa.BigInteger(),
    **column_types(message_channel, ("message_id", "channel", "status", "rank", "code", "reported_at")),
}


@dataclass(frozen=True, slots=True)
class Refolded:
    """What one committed batch of a refold did.

    :param messages: how many messages were computed anew.
    :param changed: how many of them have another status, code, channel or date now.
    """

    messages: int
    changed: int


@dataclass(frozen=True, slots=True)
class _Group:
    """Campaigns that have the same status codes.

    :param codes: code -> status.
    """

    campaign_ids: Sequence[int]
    codes: Mapping[str, DeliveryStatus]


def refold(engine: sa.Engine, codes: AccountCodes | None, campaign_name: str | None = None) -> Iterator[Refolded]:
    """Compute the statuses of messages anew, in batches; stopping or killing it is safe, and it can be run again.

    A status may fall as well as rise. Only messages that change get a new revision. Messages that were pruned or erased
    keep their status, because their reports may be incomplete. Reports that fold meanwhile are folded with the new
    codes, and count.

    :param codes: the codes that the campaigns of an account get; ``None`` to use those that each campaign was last sent
        with, and the default codes of this version.
    :param campaign_name: the only campaign to refold; ``None`` for all.
    """
    for group in _set_codes(engine, codes, campaign_name):
        yield from _refold_group(engine, group)
        _finish(engine, group)


def _set_codes(engine: sa.Engine, codes: AccountCodes | None, campaign_name: str | None) -> list[_Group]:
    """Set the overrides of campaigns, for later folds as well, and return those that must be refolded."""
    is_selected = sa.true() if campaign_name is None else campaign.c.name == campaign_name
    columns = (campaign.c.id, campaign.c.account, campaign.c.status_codes, campaign.c.folded_codes)
    of_text: dict[str, tuple[list[int], Mapping[str, DeliveryStatus]]] = {}
    with transaction(engine) as connection:
        # No fold may run with the old codes after this.
        lock_folding(connection)
        for row in connection.execute(sa.select(*columns).where(is_selected).order_by(campaign.c.id)).all():
            overrides = dict(codes.overrides_of(row.account, row.status_codes) if codes else row.status_codes)
            now = status_codes(overrides)
            text = codes_as_text(now)
            is_outdated = row.folded_codes not in (None, text)
            if overrides != row.status_codes or is_outdated:
                changes: dict[str, Any] = {"status_codes": overrides}
                if is_outdated:
                    changes["folded_codes"] = MIXED
                    of_text.setdefault(text, ([], now))[0].append(row.id)
                connection.execute(campaign.update().where(campaign.c.id == row.id).values(changes))
    return [_Group(ids, now) for ids, now in of_text.values()]


def _refold_group(engine: sa.Engine, group: _Group) -> Iterator[Refolded]:
    with reading(engine) as connection:
        # Read first: of the reports that are folded meanwhile, some are read twice, and none is missed.
        last_fold = connection.execute(sa.select(store.c.fold)).scalar_one()
        rows = connection.execute(_best_reports(group), execution_options={"yield_per": _MESSAGES_PER_BATCH})
        for batch in _batches(rows):
            changed = _apply(engine, group, batch, last_fold)
            yield Refolded(len({row.message_id for row in batch}), changed)


def _best_reports(group: _Group) -> sa.Select[Any]:
    """Return the best report of each channel of each message, in the order of campaigns and messages."""
    best = best_report_of_each_channel(group.codes, _IS_FOLDED).subquery()
    columns = [best.c[name] for name in _BEST if name != "campaign_id"]
    return (
        sa.select(message.c.campaign_id, *columns)
        .join(message, message.c.id == best.c.message_id)
        .where(best.c.place == 1, is_of_campaigns(group.campaign_ids), sa.not_(IS_PSEUDONYMISED))
        .order_by(message.c.campaign_id, best.c.message_id)
    )


def _batches(rows: Iterable[sa.Row[Any]]) -> Iterator[list[sa.Row[Any]]]:
    """Yield the rows in batches that contain all channels of each of their messages."""
    batch: list[sa.Row[Any]] = []
    for _, of_message in groupby(rows, attrgetter("message_id")):
        batch += of_message
        if len(batch) >= _MESSAGES_PER_BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _apply(engine: sa.Engine, group: _Group, batch: Sequence[sa.Row[Any]], last_fold: int) -> int:
    """Set the statuses of a batch of messages, and return how many messages have changed.

    :param last_fold: the last fold whose reports are all in the batch.
    """
    dialect = engine.dialect.name
    rows = rows_from_json(dialect, _BEST)
    ids = rows_as_json(dialect, _BEST, [tuple(row) for row in batch])
    message_ids = sa.select(rows.c.message_id)
    with transaction(engine) as connection:
        lock_folding(connection)
        # Another refold may have given a campaign other codes meanwhile, and sets the statuses of its messages.
        still = _campaigns_with_codes(connection, group)
        since = sa.and_(_IS_FOLDED, report.c.fold > last_fold, report.c.message_id.in_(message_ids))
        newer = best_report_of_each_channel(group.codes, since).subquery()
        newer_rows = connection.execute(sa.select(newer).where(newer.c.place == 1), ids).all()
        best = _merge([row for row in batch if row.campaign_id in still], newer_rows)
        stored = sa.select(message_channel.c.message_id).where(message_channel.c.message_id.in_(message_ids))
        with_several = set(connection.execute(stored, ids).scalars())
        channels = Counter(message_id for _, message_id, *_ in best)
        with_several |= {message_id for message_id, count in channels.items() if count > 1}
        single = [row for row in best if row[1] not in with_several]
        several = [row for row in best if row[1] in with_several]
        changed = replace_statuses(connection, rows, rows_as_json(dialect, _BEST, single)) if single else 0
        return changed + (replace_channels(connection, rows, rows_as_json(dialect, _BEST, several)) if several else 0)


def _merge(batch: Sequence[sa.Row[Any]], newer: Sequence[sa.Row[Any]]) -> list[tuple[Any, ...]]:
    """Return the best report of each channel of the messages of a batch, from the batch and from newer reports."""
    best = {(row.message_id, row.channel): row for row in batch}
    campaign_of = {row.message_id: row.campaign_id for row in batch}
    for row in newer:
        key = (row.message_id, row.channel)
        if row.message_id in campaign_of and (key not in best or _order(row) > _order(best[key])):
            best[key] = row
    return [
        (campaign_of[message_id], message_id, channel, row.status, row.rank, row.code, row.reported_at)
        for (message_id, channel), row in best.items()
    ]


def _order(row: sa.Row[Any]) -> tuple[int, datetime, str]:
    return row.rank, row.reported_at or datetime.min.replace(tzinfo=UTC), row.code


def _campaigns_with_codes(connection: sa.Connection, group: _Group) -> set[int]:
    """Return the campaigns of a group that still have its codes."""
    is_in_group = campaign.c.id.in_(group.campaign_ids)
    rows = connection.execute(sa.select(campaign.c.id, campaign.c.status_codes).where(is_in_group))
    return {row.id for row in rows if status_codes(row.status_codes) == group.codes}


def _finish(engine: sa.Engine, group: _Group) -> None:
    """Record that all reports of the campaigns are folded with the codes of the group."""
    with transaction(engine) as connection:
        lock_folding(connection)
        refolded = campaign.c.id.in_(_campaigns_with_codes(connection, group))
        connection.execute(campaign.update().where(refolded).values(folded_codes=codes_as_text(group.codes)))
