"""Where the messages of campaigns changed since the last load."""

from __future__ import annotations

import itertools

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.store.db.tables import changed_range, message
from airflow_provider_rcs.store.read import changed_ranges
from airflow_provider_rcs.store.read.changed_ranges import ChangedRange, changed_pages
from airflow_provider_rcs.store.read.exports import read_campaigns
from tests.unit.store.given import ANA, BEA, land_and_fold, phones, planned, report_on, sent

ALL = -1


def pages(engine: sa.Engine, **loaded: int) -> list[list[ChangedRange]]:
    """Return the pages of campaigns; campaign -> the revision up to which it is loaded."""
    ids = {each.name: each.id for each in read_campaigns(engine)}
    return list(changed_pages(engine, {ids[name]: revision for name, revision in loaded.items()}))


def number_of_ranges(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(changed_range)).scalar_one())


def ids_of(engine: sa.Engine, *keys: str) -> list[int]:
    with engine.connect() as connection:
        return list(connection.execute(sa.select(message.c.id).where(message.c.recipient_key.in_(keys))).scalars())


def test_ranges_that_follow_each_other_are_one(engine: sa.Engine) -> None:
    planned(engine, phones(200))

    [[found]] = pages(engine, spring=ALL)

    [first, last] = ids_of(engine, phones(200)[0], phones(200)[-1])
    assert (found.first, found.last) == (first // 64 * 64, last // 64 * 64 + 63)


def test_a_report_leads_to_the_range_of_its_message_alone(engine: sa.Engine) -> None:
    taken = sent(engine, phones(200))
    [before] = read_campaigns(engine)

    land_and_fold(engine, report_on(taken, phones(200)[100]))

    [message_id] = ids_of(engine, phones(200)[100])
    [[found]] = pages(engine, spring=before.revision)
    assert (found.first, found.last, found.after) == (
        message_id // 64 * 64,
        message_id // 64 * 64 + 63,
        before.revision,
    )


def test_a_change_without_a_new_revision_is_no_change(engine: sa.Engine) -> None:
    sent(engine, [ANA])
    [before] = read_campaigns(engine)

    with engine.begin() as connection:
        connection.execute(message.update().values(listed_by=2))

    assert pages(engine, spring=before.revision) == []


def test_ranges_of_other_campaigns_are_left_out(engine: sa.Engine) -> None:
    planned(engine, [ANA], "spring")
    planned(engine, [BEA], "autumn")

    [[found]] = pages(engine, autumn=ALL)

    assert found.campaign_id == read_campaigns(engine)[1].id


def test_pages_come_in_the_order_of_campaigns_and_have_no_more_ids_than_they_may(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned(engine, phones(150), "spring")
    planned(engine, phones(150), "autumn")
    whole = [each for page in pages(engine, autumn=ALL, spring=ALL) for each in page]
    monkeypatch.setattr(changed_ranges, "IDS_PER_PAGE", 100)

    cut = pages(engine, autumn=ALL, spring=ALL)

    parts = [each for page in cut for each in page]
    assert [each.campaign_id for each in parts] == sorted(each.campaign_id for each in parts)
    assert max(sum(each.last - each.first + 1 for each in page) for page in cut) <= 100
    for each in whole:
        own = [part for part in parts if part.campaign_id == each.campaign_id]
        assert [own[0].first, own[-1].last] == [each.first, each.last]
        assert all(before.last + 1 == after.first for before, after in itertools.pairwise(own))


def test_the_number_of_ranges_does_not_grow_with_changes(engine: sa.Engine) -> None:
    taken = sent(engine, phones(640))
    before = number_of_ranges(engine)

    land_and_fold(engine, *(report_on(taken, phone, "12") for phone in phones(640)))
    land_and_fold(engine, *(report_on(taken, phone, "13") for phone in phones(640)))

    assert before <= 640 // 64 + 1
    assert number_of_ranges(engine) == before
