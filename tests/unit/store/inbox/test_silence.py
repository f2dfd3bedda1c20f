"""Campaigns on which reports should come, and none does."""

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
    read_campaigns_to_warn_about,
    read_report_health,
    read_silent_campaigns,
    record_silence_warning,
    require_reports,
)
from airflow_provider_rcs.store.outbox.attempts import begin_attempt
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from airflow_provider_rcs.store.outbox.settlement import Settlement, settle
from tests.unit.store.given import (
    ANA,
    BEA,
    NOON,
    TERMS,
    accepted,
    campaign,
    claim_next,
    dispatched,
    listed,
    planned,
    land_and_fold,
    report_on,
    sent,
)


def claimed_at(engine: sa.Engine, request_id: int) -> datetime:
    with engine.connect() as connection:
        moment: datetime = connection.execute(
            sa.select(request.c.claimed_at).where(request.c.id == request_id)
        ).scalar_one()
        return moment


def send_without_reports(engine: sa.Engine) -> None:
    holder = begin_attempt(
        engine, open_campaign(engine, "spring", TERMS, {}, request_reports=False), "a test", timedelta(minutes=5)
    )
    record_list(engine, holder, prepare_list_part(engine, [listed(ANA)]))
    taken = claim_next(engine, holder)
    settle(engine, [Settlement(taken, accepted(taken), "e-1")])


def test_a_campaign_is_silent_since_its_first_request_that_was_accepted(engine: sa.Engine) -> None:
    first = sent(engine)
    sent(engine, [BEA], ids="n")

    assert read_silent_campaigns(engine, ["spring"]) == {"spring": claimed_at(engine, first.request_id)}


def test_a_campaign_with_a_date_is_silent_since_its_date(engine: sa.Engine) -> None:
    sent(engine)
    date = datetime(2099, 1, 1, tzinfo=UTC)
    with engine.begin() as connection:
        connection.execute(campaigns.update().values(send_at=date))

    assert read_silent_campaigns(engine, ["spring"]) == {"spring": date}


def test_a_campaign_of_which_nothing_was_accepted_is_not_silent(engine: sa.Engine) -> None:
    dispatched(engine)

    assert read_silent_campaigns(engine, ["spring"]) == {}


def test_a_campaign_that_asks_for_no_reports_is_not_silent(engine: sa.Engine) -> None:
    send_without_reports(engine)

    assert read_silent_campaigns(engine, ["spring"]) == {}
    assert not read_report_health(engine, datetime.now(UTC) + 2 * SILENT_AFTER)["spring"].is_overdue


def test_a_campaign_that_was_only_listed_while_it_asked_for_reports_is_not_silent(engine: sa.Engine) -> None:
    planned(engine, [ANA])

    send_without_reports(engine)

    assert read_silent_campaigns(engine, ["spring"]) == {}


def test_a_campaign_that_request_reports_later_is_silent_since_its_first_request_that_did(engine: sa.Engine) -> None:
    send_without_reports(engine)
    asked = sent(engine, [BEA], ids="n")

    assert read_silent_campaigns(engine, ["spring"]) == {"spring": claimed_at(engine, asked.request_id)}


def test_a_campaign_that_asks_no_longer_is_silent_as_before(engine: sa.Engine) -> None:
    asked = sent(engine)

    open_campaign(engine, "spring", TERMS, {}, request_reports=False)

    assert read_silent_campaigns(engine, ["spring"]) == {"spring": claimed_at(engine, asked.request_id)}


def test_a_report_that_is_not_folded_yet_breaks_the_silence(engine: sa.Engine) -> None:
    land(engine, [report_on(sent(engine))], NOON)

    assert read_silent_campaigns(engine, ["spring"]) == {}


def test_a_report_on_a_phone_that_the_campaign_does_not_have_shows_that_reports_come_whoever_looks(
    engine: sa.Engine,
) -> None:
    land_and_fold(engine, report_on(sent(engine), BEA))
    later = datetime.now(UTC) + SILENT_AFTER + timedelta(minutes=1)

    assert read_campaigns_to_warn_about(engine, "receivers", later) == {}
    assert not read_report_health(engine, later)["spring"].is_overdue


def test_other_campaigns_are_not_told_of(engine: sa.Engine) -> None:
    sent(engine)

    assert read_silent_campaigns(engine, ["autumn"]) == {}


def test_a_silence_is_new_until_it_was_told_of(engine: sa.Engine) -> None:
    since = claimed_at(engine, sent(engine).request_id)
    later = since + SILENT_AFTER + timedelta(seconds=1)

    before = read_campaigns_to_warn_about(engine, "the receivers", later)
    record_silence_warning(engine, "spring", "the receivers")

    assert before == read_campaigns_to_warn_about(engine, "another", later) == {"spring": since}
    assert read_campaigns_to_warn_about(engine, "the receivers", later) == {}


def test_a_silence_is_not_new_before_its_time_nor_where_reports_have_come(engine: sa.Engine) -> None:
    since = claimed_at(engine, sent(engine).request_id)
    land_and_fold(engine, report_on(sent(engine, name="autumn")))

    assert read_campaigns_to_warn_about(engine, "the receivers", since + SILENT_AFTER) == {}
    assert list(read_campaigns_to_warn_about(engine, "the receivers", since + 2 * SILENT_AFTER)) == ["spring"]


def test_silence_that_is_too_long_is_told_with_what_to_check() -> None:
    with pytest.raises(RcsNoReportsError) as told:
        require_reports("spring", NOON, timedelta(hours=1), NOON + timedelta(hours=1, seconds=1))

    for check in ("campaign 'spring'", "2026-05-01 12:00 UTC", "receiver running", "panel", "password", "Report"):
        assert check in str(told.value)


@pytest.mark.parametrize("since", [None, NOON])
def test_silence_that_is_short_enough_is_none(since: datetime | None) -> None:
    require_reports("spring", since, timedelta(hours=1), NOON + timedelta(hours=1))


def test_each_is_told_once_of_each_campaign(engine: sa.Engine) -> None:
    for name in ("spring", "autumn"):
        campaign(engine, name)

    told = [
        record_silence_warning(engine, name, who)
        for name in ("spring", "autumn")
        for who in ("a task", "another", "a task")
    ]

    assert told == [True, True, False] * 2


def test_of_a_campaign_that_is_not_known_nobody_is_told(engine: sa.Engine) -> None:
    assert not record_silence_warning(engine, "spring", "a task")
