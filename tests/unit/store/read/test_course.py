"""The course of a campaign by hour."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from airflow_provider_rcs.store.db.tables import request
from airflow_provider_rcs.store.outbox.settlement import mark_in_doubt
from airflow_provider_rcs.store.read.course import HourOfCampaign, read_course
from tests.unit.store.given import (
    ANA,
    NOON,
    campaign,
    claim_next,
    dispatched,
    land_and_fold,
    phones,
    planned,
    report_on,
    sent,
)

HOUR = timedelta(hours=1)


def this_hour(engine: sa.Engine) -> datetime:
    with engine.connect() as connection:
        claimed_at = connection.execute(sa.select(sa.func.min(request.c.claimed_at))).scalar_one()
        assert isinstance(claimed_at, datetime)
        return claimed_at.replace(minute=0, second=0, microsecond=0)


def test_a_campaign_of_which_nothing_was_sent_has_no_course(engine: sa.Engine) -> None:
    claim_next(engine, planned(engine, [ANA]))

    assert read_course(engine, "spring") == []
    assert read_course(engine, "unknown") == []


def test_messages_are_counted_by_the_hours_of_their_requests_and_reports(engine: sa.Engine) -> None:
    people = phones(5)
    taken = sent(engine, people)
    campaign(engine, overrides={"20": "read", "21": "clicked"})
    codes = zip(people, ["13", "50", "20", "21", "13"], strict=True)

    land_and_fold(
        engine,
        *(
            report_on(taken, phone, code, reported_at=NOON + HOUR * number + timedelta(minutes=59))
            for number, (phone, code) in enumerate(codes)
        ),
    )

    assert read_course(engine, "spring") == [
        HourOfCampaign(NOON, sent=0, delivered=1, read=0, clicked=0, failed=0),
        HourOfCampaign(NOON + HOUR, sent=0, delivered=0, read=0, clicked=0, failed=1),
        HourOfCampaign(NOON + 2 * HOUR, sent=0, delivered=0, read=1, clicked=0, failed=0),
        HourOfCampaign(NOON + 3 * HOUR, sent=0, delivered=0, read=0, clicked=1, failed=0),
        HourOfCampaign(NOON + 4 * HOUR, sent=0, delivered=1, read=0, clicked=0, failed=0),
        HourOfCampaign(this_hour(engine), sent=5, delivered=0, read=0, clicked=0, failed=0),
    ]


def test_a_message_moves_to_the_hour_of_its_latest_status(engine: sa.Engine) -> None:
    taken = sent(engine)
    land_and_fold(engine, report_on(taken, code="50"))

    land_and_fold(engine, report_on(taken, code="13", reported_at=NOON + HOUR))

    assert read_course(engine, "spring")[0] == HourOfCampaign(NOON + HOUR, 0, delivered=1, read=0, clicked=0, failed=0)


def test_a_status_without_a_date_is_counted_in_the_hour_of_its_fold(engine: sa.Engine) -> None:
    land_and_fold(engine, report_on(sent(engine), reported_at=None))

    (*_, last) = read_course(engine, "spring")
    assert last.delivered == 1
    assert datetime.now(UTC) - last.begin < 2 * HOUR


def test_a_request_in_doubt_counts_as_sent_once_a_report_proves_it(engine: sa.Engine) -> None:
    taken = dispatched(engine, phones(2))
    mark_in_doubt(engine, taken, "the reply was lost")
    before = read_course(engine, "spring")

    land_and_fold(engine, report_on(taken, phones(2)[0], "12"))

    assert (before, [each.sent for each in read_course(engine, "spring")]) == ([], [2])
