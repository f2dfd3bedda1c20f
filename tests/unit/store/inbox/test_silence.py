"""Campaigns on which reports are due and none has arrived."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsNoReportsError
from airflow_provider_rcs.store.campaign.campaigns import open_campaign
from airflow_provider_rcs.store.db.tables import campaign as campaigns
from airflow_provider_rcs.store.db.tables import request
from airflow_provider_rcs.store.inbox.landing import land
from airflow_provider_rcs.store.inbox.silence import (
    SILENT_AFTER,
    ReportHealth,
    is_warning_due,
    read_campaigns_to_warn_about,
    read_report_health,
    read_silent_campaigns,
    require_reports,
)
from airflow_provider_rcs.store.outbox.attempts import StartedBy, begin_attempt
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from airflow_provider_rcs.store.outbox.settlement import Settlement, settle
from tests.unit.store.given import (
    ANA,
    BEA,
    NOON,
    TERMS,
    accepted,
    claim_next,
    dispatched,
    land_and_fold,
    listed,
    planned,
    report_on,
    sent,
)


def claimed_at(engine: sa.Engine, request_id: int) -> datetime:
    with engine.connect() as connection:
        found = connection.execute(sa.select(request.c.claimed_at).where(request.c.id == request_id))
        claimed: datetime = found.scalar_one()
        return claimed


def send_without_reports(engine: sa.Engine) -> None:
    opened = open_campaign(engine, "spring", TERMS, {}, request_reports=False)
    holder = begin_attempt(engine, opened, StartedBy(started_by="a test"), timedelta(minutes=5))
    record_list(engine, holder, prepare_list_part(engine, [listed(ANA)]))
    taken = claim_next(engine, holder)
    settle(engine, [Settlement(taken, accepted(taken), "e-1")])


def test_reports_are_due_since_the_first_accepted_request(engine: sa.Engine) -> None:
    first = sent(engine)
    sent(engine, [BEA], ids="n")

    assert read_silent_campaigns(engine, ["spring"]) == {"spring": claimed_at(engine, first.request_id)}


def test_reports_are_due_since_the_date_of_a_campaign_that_has_one(engine: sa.Engine) -> None:
    sent(engine)
    date = datetime(2099, 1, 1, tzinfo=UTC)
    with engine.begin() as connection:
        connection.execute(campaigns.update().values(send_at=date))

    assert read_silent_campaigns(engine, ["spring"]) == {"spring": date}


def test_a_campaign_of_which_nothing_was_accepted_is_not_silent(engine: sa.Engine) -> None:
    dispatched(engine)

    assert read_silent_campaigns(engine, ["spring"]) == {}


def test_a_test_on_the_teams_phones_is_not_silent(engine: sa.Engine) -> None:
    sent(engine)
    with engine.begin() as connection:
        connection.execute(campaigns.update().values(test_of="summer"))

    assert read_silent_campaigns(engine, ["spring"]) == {}


def test_a_campaign_that_does_not_request_reports_is_not_silent(engine: sa.Engine) -> None:
    send_without_reports(engine)

    assert read_silent_campaigns(engine, ["spring"]) == {}
    assert not read_report_health(engine, datetime.now(UTC) + 2 * SILENT_AFTER)["spring"].is_overdue


def test_a_campaign_that_was_sent_without_requesting_reports_is_not_silent(engine: sa.Engine) -> None:
    planned(engine, [ANA])

    send_without_reports(engine)

    assert read_silent_campaigns(engine, ["spring"]) == {}


def test_reports_are_due_since_the_first_request_that_asked_for_them(engine: sa.Engine) -> None:
    send_without_reports(engine)
    asked = sent(engine, [BEA], ids="n")

    assert read_silent_campaigns(engine, ["spring"]) == {"spring": claimed_at(engine, asked.request_id)}


def test_a_campaign_that_stops_requesting_reports_is_silent_as_before(engine: sa.Engine) -> None:
    asked = sent(engine)

    open_campaign(engine, "spring", TERMS, {}, request_reports=False)

    assert read_silent_campaigns(engine, ["spring"]) == {"spring": claimed_at(engine, asked.request_id)}


def test_a_report_that_is_not_folded_yet_ends_the_silence(engine: sa.Engine) -> None:
    land(engine, [report_on(sent(engine))], NOON)

    assert read_silent_campaigns(engine, ["spring"]) == {}


def test_a_parked_report_with_the_campaigns_reference_ends_the_silence(
    engine: sa.Engine,
) -> None:
    land_and_fold(engine, report_on(sent(engine), BEA))
    later = datetime.now(UTC) + SILENT_AFTER + timedelta(minutes=1)

    assert read_campaigns_to_warn_about(engine, later, None) == {}
    assert not read_report_health(engine, later)["spring"].is_overdue


def test_other_campaigns_are_not_returned(engine: sa.Engine) -> None:
    sent(engine)

    assert read_silent_campaigns(engine, ["autumn"]) == {}


@pytest.mark.slow
def test_a_silent_campaign_is_returned_once_a_day_for_a_week(engine: sa.Engine) -> None:
    since = claimed_at(engine, sent(engine).request_id)
    checks = [since + timedelta(hours=hours) for hours in range(24 * 10)]

    warned = [
        now
        for last_check, now in zip([None, *checks], checks, strict=False)
        if read_campaigns_to_warn_about(engine, now, last_check) == {"spring": since}
    ]

    assert warned == [since + timedelta(days=day, hours=1) for day in range(7)]


def test_a_silent_campaign_is_given_up_after_exactly_a_week(engine: sa.Engine) -> None:
    since = claimed_at(engine, sent(engine).request_id)
    week = timedelta(days=7)

    assert list(read_campaigns_to_warn_about(engine, since + week - timedelta(microseconds=1), None)) == ["spring"]
    assert list(read_campaigns_to_warn_about(engine, since + week, None)) == []


def test_no_warning_is_due_before_its_time_or_if_reports_have_arrived(engine: sa.Engine) -> None:
    since = claimed_at(engine, sent(engine).request_id)
    land_and_fold(engine, report_on(sent(engine, name="autumn")))

    assert read_campaigns_to_warn_about(engine, since + SILENT_AFTER, None) == {}
    assert list(read_campaigns_to_warn_about(engine, since + 2 * SILENT_AFTER, None)) == ["spring"]


def test_the_error_about_a_silent_campaign_says_what_to_check() -> None:
    with pytest.raises(RcsNoReportsError) as raised:
        require_reports("spring", NOON, timedelta(hours=1), NOON + timedelta(hours=1, seconds=1))

    assert str(raised.value) == (
        "campaign 'spring': messages were accepted, but not one delivery report has arrived since 2026-05-01 12:00 "
        "UTC. Check: is the receiver running, and reachable from outside (GET .../rcs/health)? Are its address, and "
        "the login and password of the connection rcs_reports, entered in the panel of the RCS account? Are reports "
        "(Report) requested there? Then clear this task."
    )


@pytest.mark.parametrize("since", [None, NOON])
def test_a_campaign_that_is_not_silent_for_too_long_raises_nothing(since: datetime | None) -> None:
    require_reports("spring", since, timedelta(hours=1), NOON + timedelta(hours=1))


def test_reports_are_overdue_once_a_campaign_has_been_silent_for_ten_minutes(engine: sa.Engine) -> None:
    since = claimed_at(engine, sent(engine).request_id)
    sent(engine, name="summer")
    land_and_fold(engine, report_on(sent(engine, [BEA], name="summer")))

    at_limit = read_report_health(engine, since + SILENT_AFTER)
    later = read_report_health(engine, since + timedelta(days=1))

    assert at_limit["spring"] == ReportHealth(None, is_overdue=False)
    assert later == {"spring": ReportHealth(None, is_overdue=True), "summer": ReportHealth(NOON, is_overdue=False)}


OVERDUE = NOON + SILENT_AFTER
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("now", "last_check", "is_due"),
    [
        (OVERDUE, None, False),
        (OVERDUE + MINUTE, None, True),
        (OVERDUE + 3 * DAY + MINUTE, None, True),
        (OVERDUE + MINUTE, OVERDUE - MINUTE, True),
        (OVERDUE + MINUTE, OVERDUE, True),
        (OVERDUE + 2 * MINUTE, OVERDUE + MINUTE, False),
        (OVERDUE + DAY - MINUTE, OVERDUE + MINUTE, False),
        (OVERDUE + DAY, OVERDUE + DAY - MINUTE, True),
        (OVERDUE + 3 * DAY, OVERDUE + MINUTE, True),
    ],
)
def test_a_warning_is_due_once_for_each_day_of_silence(
    now: datetime, last_check: datetime | None, is_due: bool
) -> None:
    assert is_warning_due(NOON, now, last_check) == is_due


def test_no_warning_is_due_without_silence() -> None:
    assert not is_warning_due(None, OVERDUE + DAY, None)
