from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.store.read.attempts import read_attempts
from airflow_provider_rcs.store.read.campaign_list import (
    Mark,
    read_campaigns_of_run,
    read_page,
    read_siblings,
    read_summary,
)
from airflow_provider_rcs.store.read.failures import read_failure_codes
from airflow_provider_rcs.store.read.health import read_health
from tests.unit.store.given import (
    ANA,
    BEA,
    NOON,
    campaign,
    expire_lease,
    land_and_fold,
    planned,
    report_on,
    statements_of,
)
from tests.unit.ui.given_campaigns import by_dag, sent_by


def now() -> datetime:
    return datetime.now(UTC)


def test_a_summary_has_the_counts_of_its_campaign_alone(engine: sa.Engine) -> None:
    claim = sent_by(engine, "spring", people=[ANA, BEA])
    sent_by(engine, "autumn")
    land_and_fold(engine, report_on(claim, ANA, "13"), report_on(claim, BEA, "101"))

    summary = read_summary(engine, "spring", None, now())

    assert summary is not None
    assert {name: count for name, count in summary.counts.items() if count} == {
        "requested": 2,
        "accepted": 2,
        "delivered": 1,
        "failed": 1,
    }
    assert summary.share_delivered == 0.5
    assert summary.last_report_at == NOON
    assert read_failure_codes(engine, summary.id) == {"101": 1}


def test_a_campaign_without_an_accepted_message_has_no_share(engine: sa.Engine) -> None:
    campaign(engine, "spring")

    summary = read_summary(engine, "spring", None, now())

    assert summary is not None
    assert summary.share_delivered is None
    assert summary.marks == []


@pytest.mark.slow
def test_a_page_needs_as_many_queries_for_many_campaigns_as_for_one(engine: sa.Engine) -> None:
    sent_by(engine, "first", by_dag("shop"))
    for_one = statements_of(engine, lambda: read_page(engine, ["shop"], now()))
    for number in range(10):
        sent_by(engine, f"campaign-{number}", by_dag("shop"))

    for_many = statements_of(engine, lambda: read_page(engine, ["shop"], now()))

    assert len(for_one) == len(for_many)


def test_a_page_knows_its_place_in_the_list(engine: sa.Engine) -> None:
    for number in range(5):
        campaign(engine, f"campaign-{number}")

    page = read_page(engine, None, now(), number=2, size=2)

    assert [each.name for each in page.campaigns] == ["campaign-2", "campaign-1"]
    assert (page.first, page.last, page.total, page.has_older) == (3, 4, 5, True)


def test_a_mark_of_silence_comes_only_after_some_minutes(engine: sa.Engine) -> None:
    sent_by(engine, "spring")

    early, late = (read_summary(engine, "spring", None, now() + timedelta(minutes=each)) for each in (1, 15))

    assert early is not None
    assert late is not None
    assert (early.marks, late.marks) == ([], [Mark.SILENT])


def test_campaigns_of_a_run_and_siblings_in_it_are_found_by_the_attempts(engine: sa.Engine) -> None:
    sent_by(engine, "a", by_dag("shop", "r1", "send_a"))
    sent_by(engine, "b", by_dag("shop", "r1", "send", map_index=0))
    sent_by(engine, "c", by_dag("shop", "r1", "send", map_index=1))
    sent_by(engine, "d", by_dag("shop", "r2", "send_a"))
    found = read_summary(engine, "b", None, now())
    assert found is not None

    of_run = read_campaigns_of_run(engine, "shop", "r1", now())
    siblings = read_siblings(engine, found.id, None, now())

    assert [each.name for each in of_run] == ["a", "b", "c"]
    assert [each.name for each in siblings] == ["c", "a"]


def test_attempts_say_whether_they_are_alive_and_what_they_claimed(engine: sa.Engine) -> None:
    sent_by(engine, "spring", by_dag("shop"), [ANA, BEA])
    dead = planned(engine, [ANA])
    expire_lease(engine, dead)

    listed = read_attempts(engine, dead.campaign.id, None).listed

    assert [(each.is_alive, each.requests, each.recipients) for each in listed] == [(False, 0, 0), (True, 1, 2)]


def test_the_health_of_a_new_store_is_that_nothing_has_come(engine: sa.Engine) -> None:
    health = read_health(engine)

    assert health.version == health.needed_version
    assert health.last_report_at is None
    assert health.refused == []
