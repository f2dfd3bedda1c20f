"""Suppressed phones and frequency caps."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.models import FrequencyCap
from airflow_provider_rcs.store.campaign.campaigns import Campaign, CampaignTerms, open_campaign, require_campaign
from airflow_provider_rcs.store.db.tables import request, suppression
from airflow_provider_rcs.store.outbox import suppression as suppression_module
from airflow_provider_rcs.store.outbox.attempts import WHOLE_LIST, StartedBy, begin_attempt
from airflow_provider_rcs.store.outbox.claims import Claim, claim_batches
from airflow_provider_rcs.store.outbox.frequency_caps import CountedNear, count_messages_near
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from airflow_provider_rcs.store.outbox.settlement import Settlement, requeue_refused, requeue_unsent, settle
from airflow_provider_rcs.store.outbox.suppression import preview_suppressions
from airflow_provider_rcs.store.privacy.erasure import erase
from tests.unit.store.given import (
    ANA,
    BEA,
    EVA,
    TERMS,
    accepted,
    campaign,
    claim_and_dispatch,
    funnel,
    listed,
    phones,
    planned,
    row,
    states,
    suppress,
)

WEEKLY = FrequencyCap(1, timedelta(days=7))


def send(engine: sa.Engine, name: str, people: list[str], cap: FrequencyCap | None = None) -> Claim | None:
    return send_from(engine, campaign(engine, name), people, cap)


def send_from(
    engine: sa.Engine, campaign: Campaign, people: list[str], cap: FrequencyCap | None = None
) -> Claim | None:
    attempt = begin_attempt(engine, campaign, StartedBy(started_by="a test"), timedelta(minutes=5))
    record_list(engine, attempt, prepare_list_part(engine, [listed(phone) for phone in people]))
    claim = claim_and_dispatch(engine, attempt, 100, cap)
    if claim is not None:
        settle(engine, [Settlement(claim, accepted(claim), "e-1")])
    return claim


def phones_of(claim: Claim | None) -> list[str]:
    return [] if claim is None else [recipient.phone for recipient in claim.recipients]


def test_suppressed_phone_is_not_claimed_but_counted_with_the_reason(engine: sa.Engine) -> None:
    suppress(engine, BEA)

    claim = send(engine, "spring", [ANA, BEA, EVA])

    assert phones_of(claim) == [ANA, EVA]
    assert (row(engine, BEA).state, row(engine, BEA).reason) == ("suppressed", "suppressed: asked")
    assert funnel(engine).requested == 3


def test_claim_continues_after_a_batch_of_suppressed_phones_only(engine: sa.Engine) -> None:
    people = phones(5)
    for phone in people[:3]:
        suppress(engine, phone)

    claim = claim_and_dispatch(engine, planned(engine, people), 2)

    assert phones_of(claim) == people[3:4]


def test_phone_suppressed_for_one_account_gets_no_message_from_that_account_only(engine: sa.Engine) -> None:
    suppress(engine, ANA, account="ours")
    ours = open_campaign(engine, "ours", replace(TERMS, account="ours"), {})
    open_campaign(engine, "theirs", replace(TERMS, account="theirs"), {})

    assert phones_of(send_from(engine, ours, [ANA, BEA])) == [BEA]
    assert phones_of(send_from(engine, require_campaign(engine, "theirs"), [ANA, BEA])) == [ANA, BEA]


def test_reason_for_all_accounts_is_given_before_that_for_one(engine: sa.Engine) -> None:
    suppress(engine, ANA, reason="for one", account="ours")
    suppress(engine, ANA, reason="for all")
    ours = open_campaign(engine, "spring", replace(TERMS, account="ours"), {})

    send_from(engine, ours, [ANA])

    assert row(engine, ANA).reason == "suppressed: for all"


@pytest.mark.parametrize(
    "phone",
    ["34600000001", "600000001", "+034600000001", "+34 600000001", "+3460000000x", "+346000", ""],
)
def test_table_takes_only_phones_in_e164_and_its_error_names_the_command(engine: sa.Engine, phone: str) -> None:
    with pytest.raises(sa.exc.IntegrityError, match="phone_is_not_in_e164_add_it_with_airflow_rcs_suppress"):
        suppress(engine, phone)


def test_frequency_cap_counts_the_messages_of_all_campaigns(engine: sa.Engine) -> None:
    send(engine, "spring", [ANA])

    assert phones_of(send(engine, "summer", [ANA, BEA], WEEKLY)) == [BEA]
    assert row(engine, ANA, "summer").reason == "frequency cap: at most 1 within 7 days"


def test_frequency_cap_ignores_older_messages(engine: sa.Engine) -> None:
    send(engine, "spring", [ANA])
    with engine.begin() as connection:
        connection.execute(request.update().values(claimed_at=datetime.now(UTC) - timedelta(days=8)))

    assert phones_of(send(engine, "summer", [ANA], WEEKLY)) == [ANA]


def test_frequency_cap_ignores_refused_messages(engine: sa.Engine) -> None:
    claim = claim_and_dispatch(engine, planned(engine, [ANA], "spring"), 10)
    assert claim is not None
    requeue_refused(engine, claim, "too many requests")

    assert phones_of(send(engine, "summer", [ANA], WEEKLY)) == [ANA]


def test_frequency_cap_counts_messages_in_flight(engine: sa.Engine) -> None:
    claim_and_dispatch(engine, planned(engine, [ANA], "spring"), 10)

    assert phones_of(send(engine, "summer", [ANA], WEEKLY)) == []


def test_frequency_cap_counts_claimed_messages_until_they_are_requeued(engine: sa.Engine) -> None:
    claims = claim_batches(engine, planned(engine, [ANA, BEA], "spring"), 1, requests=2)
    requeue_unsent(engine, claims[1:])

    assert phones_of(send(engine, "summer", [ANA, BEA], WEEKLY)) == [BEA]


def test_frequency_cap_states_periods_that_are_not_whole_days_in_hours() -> None:
    assert FrequencyCap(2, timedelta(hours=36)).reason == "frequency cap: at most 2 within 36 hours"


def test_suppressed_recipient_stays_suppressed_in_the_campaign(engine: sa.Engine) -> None:
    suppress(engine, ANA)
    send(engine, "spring", [ANA])
    with engine.begin() as connection:
        connection.execute(suppression.delete())

    assert phones_of(send(engine, "spring", [ANA])) == []
    assert states(engine) == {ANA: "suppressed"}


def test_preview_matches_what_a_claim_does(engine: sa.Engine) -> None:
    suppress(engine, ANA)
    send(engine, "before", [BEA, EVA])
    everyone = [ANA, BEA, EVA, *phones(2)]

    preview = preview_suppressions(engine, "", everyone, WEEKLY)

    send(engine, "spring", everyone, WEEKLY)
    assert preview == {phone: row(engine, phone).reason for phone in (ANA, BEA, EVA)}


def test_preview_shows_the_suppressions_of_the_account_also_of_erased_recipients(engine: sa.Engine) -> None:
    suppress(engine, ANA, BEA, account="ours")
    erase(engine, BEA, "Mar")

    assert set(preview_suppressions(engine, "ours", [ANA, BEA, EVA], None)) == {ANA, BEA}
    assert set(preview_suppressions(engine, "ours", [BEA, EVA], None)) == {BEA}
    assert preview_suppressions(engine, "theirs", [ANA, BEA, EVA], None) == {}


IN_SIX_DAYS, IN_TWELVE_DAYS = (datetime.now(UTC) + timedelta(days=days) for days in (6, 12))


def send_scheduled(engine: sa.Engine, name: str, send_at: datetime | None) -> Claim | None:
    """Claim a message to Ana, with a weekly cap, for a campaign that goes out at a date."""
    terms = CampaignTerms("1234567", "Welcome", send_at=send_at)
    attempt = begin_attempt(
        engine, open_campaign(engine, name, terms, {}), StartedBy(started_by="a test"), timedelta(minutes=5), WHOLE_LIST
    )
    record_list(engine, attempt, prepare_list_part(engine, [listed(ANA)]))
    return claim_and_dispatch(engine, attempt, 10, WEEKLY)


@pytest.mark.parametrize(
    ("before", "now", "is_allowed"),
    [
        (IN_SIX_DAYS, None, False),
        (None, IN_SIX_DAYS, False),
        (IN_TWELVE_DAYS, IN_SIX_DAYS, False),
        (IN_SIX_DAYS, IN_TWELVE_DAYS, False),
        (IN_TWELVE_DAYS, None, True),
        (None, IN_TWELVE_DAYS, True),
        (IN_SIX_DAYS, IN_SIX_DAYS + timedelta(days=7), True),
        (IN_TWELVE_DAYS, IN_TWELVE_DAYS - timedelta(days=7), True),
    ],
    ids=lambda value: f"{value:%d %b}" if isinstance(value, datetime) else str(value),
)
def test_frequency_cap_counts_the_dates_at_which_messages_go_out_in_both_directions(
    engine: sa.Engine, before: datetime | None, now: datetime | None, is_allowed: bool
) -> None:
    send_scheduled(engine, "spring", before)

    assert (send_scheduled(engine, "summer", now) is not None) is is_allowed


def test_frequency_cap_counts_messages_handed_over_after_their_date_when_they_were_handed_over(
    engine: sa.Engine,
) -> None:
    send_scheduled(engine, "spring", datetime.now(UTC) - timedelta(days=30))

    assert send_scheduled(engine, "summer", None) is None


def test_frequency_cap_counts_the_dates_of_erased_recipients_too(engine: sa.Engine) -> None:
    claim = send_scheduled(engine, "spring", IN_TWELVE_DAYS)
    assert claim is not None
    settle(engine, [Settlement(claim, accepted(claim), "e-1")])
    erase(engine, ANA, "Mar")

    assert send_scheduled(engine, "summer", None) is not None
    assert send_scheduled(engine, "autumn", IN_TWELVE_DAYS) is None


def test_frequency_cap_counts_dates_of_all_recipients_also_after_somebody_was_erased(engine: sa.Engine) -> None:
    send_scheduled(engine, "spring", IN_TWELVE_DAYS)
    erase(engine, EVA, "Mar")

    found = [preview_suppressions(engine, "", [ANA], WEEKLY, send_at) for send_at in (None, IN_TWELVE_DAYS)]

    assert found == [{}, {ANA: WEEKLY.reason}]


def test_frequency_cap_holds_for_the_first_person_ever_erased_while_messages_are_counted(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = send_scheduled(engine, "spring", IN_TWELVE_DAYS)
    assert claim is not None
    settle(engine, [Settlement(claim, accepted(claim), "e-1")])

    def count_after_an_erasure(*arguments: Any) -> CountedNear:
        erase(engine, ANA, "Mar")
        return count_messages_near(*arguments)

    monkeypatch.setattr(suppression_module, "count_messages_near", count_after_an_erasure)

    assert preview_suppressions(engine, "", [ANA, BEA], WEEKLY, IN_TWELVE_DAYS) == {ANA: WEEKLY.reason}


def test_preview_counts_by_the_date_of_the_campaign(engine: sa.Engine) -> None:
    send_scheduled(engine, "spring", IN_SIX_DAYS)

    found = [
        preview_suppressions(engine, "", [ANA], WEEKLY, send_at)
        for send_at in (None, IN_TWELVE_DAYS, IN_TWELVE_DAYS + timedelta(days=2))
    ]

    assert found == [{ANA: WEEKLY.reason}, {ANA: WEEKLY.reason}, {}]


def test_a_frequency_cap_holds_for_each_of_many_phones(engine: sa.Engine) -> None:
    many = phones(150)
    send(engine, "spring", many[:2])
    planned(engine, many[2:4], "spring")

    assert set(preview_suppressions(engine, "", many, WEEKLY)) == set(many[:2])


def test_a_frequency_cap_suppresses_none_of_many_phones_that_got_no_message(engine: sa.Engine) -> None:
    assert preview_suppressions(engine, "", phones(150), WEEKLY) == {}


def test_a_frequency_cap_counts_by_the_date_of_the_campaign_for_many_phones_too(engine: sa.Engine) -> None:
    send_scheduled(engine, "spring", IN_TWELVE_DAYS)
    with engine.begin() as connection:
        connection.execute(request.update().values(claimed_at=datetime.now(UTC) - timedelta(days=8)))
    many = [ANA, *phones(150)]

    found = [preview_suppressions(engine, "", many, WEEKLY, send_at) for send_at in (None, IN_TWELVE_DAYS)]

    assert found == [{}, {ANA: WEEKLY.reason}]
