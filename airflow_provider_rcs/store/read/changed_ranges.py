"""Where the messages of campaigns changed since the last load: ranges of ids, in pages.

Every change of a campaign's messages is made under the campaign's lock and gets its revision. So do, by triggers and in
the same transaction, the ranges of the messages' ids. Revisions therefore become visible in their order, and those of
ranges only rise: a reader of the revision of a campaign, then of its ranges, and then of the messages in them misses no
change up to that revision, whatever is committed meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import sqlalchemy as sa

from airflow_provider_rcs.store.db.bulk import ColumnTypes, rows_as_json, rows_from_json
from airflow_provider_rcs.store.db.engine import reading
from airflow_provider_rcs.store.db.tables import IDS_PER_RANGE, changed_range

IDS_PER_PAGE = 50_000

_LOADED: ColumnTypes = {"campaign_id": sa.BigInteger(), "revision": sa.BigInteger()}


@dataclass(frozen=True, slots=True)
class ChangedRange:
    """A range of ids in which messages of a campaign changed.

    :param first: the first id.
    :param last: the last id.
    :param after: the messages that changed are those of a higher revision than this.
    """

    campaign_id: int
    first: int
    last: int
    after: int


def changed_pages(engine: sa.Engine, loaded: Mapping[int, int]) -> Iterator[list[ChangedRange]]:
    """Yield the ranges in which messages of campaigns, or their channels, changed, in pages of at most 50,000 ids.

    They come in the order of the campaigns' ids.

    :param loaded: campaign -> the revision up to which it is loaded; -1 for all of its messages.
    """
    page: list[ChangedRange] = []
    room = IDS_PER_PAGE
    for each in _cut(_read_ranges(engine, loaded), IDS_PER_PAGE):
        ids = each.last - each.first + 1
        if ids > room:
            yield page
            page, room = [], IDS_PER_PAGE
        page.append(each)
        room -= ids
    if page:
        yield page


def _read_ranges(engine: sa.Engine, loaded: Mapping[int, int]) -> list[ChangedRange]:
    dialect = engine.dialect.name
    with reading(engine) as connection:
        rows = connection.execute(_changed(dialect), rows_as_json(dialect, _LOADED, list(loaded.items())))
        return [ChangedRange(row.campaign_id, row.first, row.last, row.revision) for row in rows]


def _changed(dialect: str) -> sa.Select[tuple[int, int, int, int]]:
    """Return the changed ranges of campaigns; those that follow each other are one."""
    given = rows_from_json(dialect, _LOADED).c
    of_campaign = sa.and_(changed_range.c.campaign_id == given.campaign_id, changed_range.c.revision > given.revision)
    first = changed_range.c.first_message_id
    # The same for ranges that follow each other.
    number = sa.func.row_number().over(partition_by=given.campaign_id, order_by=first)
    each = sa.select(given.campaign_id, given.revision, first, (first - number * IDS_PER_RANGE).label("group")).join(
        changed_range, of_campaign
    )
    found = each.subquery().c
    begin, end = sa.func.min(found.first_message_id), sa.func.max(found.first_message_id) + IDS_PER_RANGE - 1
    return (
        sa.select(found.campaign_id, begin.label("first"), end.label("last"), found.revision)
        .group_by(found.campaign_id, found.revision, found.group)
        .order_by(found.campaign_id, begin)
    )


def _cut(ranges: Iterable[ChangedRange], ids: int) -> Iterator[ChangedRange]:
    """Yield the ranges, cut where they have more ids than a page."""
    for each in ranges:
        for first in range(each.first, each.last + 1, ids):
            yield replace(each, first=first, last=min(each.last, first + ids - 1))
