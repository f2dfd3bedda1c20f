"""Phones of an exclude_sql, left out of what is planned."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.db.tables import message
from airflow_provider_rcs.store.outbox import exclusions
from airflow_provider_rcs.store.outbox.attempts import Attempt
from airflow_provider_rcs.store.outbox.claims import claim_batches
from airflow_provider_rcs.store.outbox.exclusions import suppress_excluded
from airflow_provider_rcs.store.outbox.planning import EXCLUDED, prepare_list_part, record_list
from airflow_provider_rcs.store.outbox.recovery import recover_dead_attempts
from airflow_provider_rcs.store.outbox.resolutions import Resolution, Verdict, resolve_all
from airflow_provider_rcs.store.outbox.settlement import mark_in_doubt, requeue_unsent
from airflow_provider_rcs.store.privacy.erasure import erase
from tests.unit.store.given import (
    ANA,
    BEA,
    EVA,
    campaign,
    claim_next,
    count,
    dispatched,
    expire_lease,
    listed,
    new_attempt,
    phones,
    planned,
    row,
    sent,
    states,
)


def plan(engine: sa.Engine, people: list[str], excluded: set[str], name: str = "spring") -> Attempt:
    attempt = new_attempt(engine, name)
    record_list(engine, attempt, prepare_list_part(engine, [listed(phone) for phone in people], excluded))
    return attempt


def test_an_excluded_recipient_is_recorded_as_suppressed_with_the_reason(engine: sa.Engine) -> None:
    attempt = plan(engine, [ANA, BEA], {ANA})

    assert (row(engine, ANA).state, row(engine, ANA).reason) == ("suppressed", EXCLUDED)
    assert claim_next(engine, attempt).phones == [BEA]


def test_of_an_excluded_recipient_nothing_is_stored_that_only_a_message_needs(engine: sa.Engine) -> None:
    named = listed(ANA)._replace(name="Ana", reference="C-1", variables={"Amount": "5"})

    record_list(engine, new_attempt(engine), prepare_list_part(engine, [named], {ANA}))

    stored = row(engine, ANA)
    assert (stored.name, stored.reference, stored.variables) == ("", "C-1", {})


def test_of_many_excluded_phones_only_those_on_the_list_are_stored(engine: sa.Engine) -> None:
    excluded = set(phones(20_000))

    suppress_excluded(engine, campaign(engine), excluded)
    plan(engine, phones(10), excluded)

    assert count(engine, message) == 10
    assert set(states(engine).values()) == {"suppressed"}


def test_a_phone_is_excluded_from_one_campaign_only(engine: sa.Engine) -> None:
    plan(engine, [ANA], {ANA})

    assert claim_next(engine, planned(engine, [ANA], "summer")).phones == [ANA]


def test_an_excluded_recipient_stays_so_when_a_retry_lists_it_without_excluding_it(engine: sa.Engine) -> None:
    plan(engine, [ANA, BEA], {ANA})

    assert claim_next(engine, planned(engine, [ANA, BEA])).phones == [BEA]
    assert row(engine, ANA).state == "suppressed"


def test_an_excluded_recipient_whose_row_is_invalid_stays_excluded_when_the_row_is_corrected(engine: sa.Engine) -> None:
    attempt = new_attempt(engine)
    record_list(engine, attempt, prepare_list_part(engine, [listed(ANA, "variable Amount: it has no value")], {ANA}))
    assert (row(engine, ANA).state, row(engine, ANA).detail) == ("suppressed", "")

    planned(engine, [ANA])

    assert row(engine, ANA).state == "suppressed"


def test_a_recipient_that_an_earlier_attempt_has_planned_is_suppressed(engine: sa.Engine) -> None:
    earlier = planned(engine, [ANA, BEA, EVA])
    before = row(engine, ANA)

    assert suppress_excluded(engine, earlier.campaign, {ANA, EVA, "+34600000009"}) == 2

    assert claim_next(engine, earlier).phones == [BEA]
    assert {row(engine, phone).reason for phone in (ANA, EVA)} == {EXCLUDED}
    assert row(engine, ANA).revision > before.revision
    assert row(engine, ANA).updated_at > before.updated_at


def test_without_excluded_phones_nobody_is_suppressed(engine: sa.Engine) -> None:
    attempt = planned(engine, [ANA])

    assert suppress_excluded(engine, attempt.campaign, set()) == 0

    assert states(engine) == {ANA: "planned"}


def test_a_phone_that_is_excluded_from_one_campaign_is_still_sent_to_by_another(engine: sa.Engine) -> None:
    other = planned(engine, [ANA], "summer")
    planned(engine, [ANA], "spring")

    assert suppress_excluded(engine, campaign(engine, "spring"), {ANA}) == 1

    assert claim_next(engine, other).phones == [ANA]


def test_a_message_that_was_excluded_before_keeps_its_revision(engine: sa.Engine) -> None:
    mark_in_doubt(engine, dispatched(engine, [ANA]), "no reply")
    suppress_excluded(engine, campaign(engine), {ANA})
    before = row(engine, ANA)

    assert suppress_excluded(engine, campaign(engine), {ANA}) == 0

    assert row(engine, ANA) == before


def test_many_messages_are_suppressed_batch_by_batch(engine: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exclusions, "_ROWS_PER_STATEMENT", 3)
    earlier = planned(engine, phones(10))

    assert suppress_excluded(engine, earlier.campaign, set(phones(10)[1::2])) == 5

    assert claim_next(engine, earlier).phones == phones(10)[::2]


def test_an_older_list_that_is_recorded_late_still_excludes(engine: sa.Engine) -> None:
    older = new_attempt(engine)
    newer = planned(engine, [ANA, BEA])
    before = row(engine, ANA)

    record_list(engine, older, prepare_list_part(engine, [listed(ANA)], {ANA}))

    assert claim_next(engine, newer).phones == [BEA]
    assert row(engine, ANA).revision > before.revision


def test_a_message_that_is_excluded_while_it_is_claimed_is_not_planned_again(engine: sa.Engine) -> None:
    earlier = planned(engine, [ANA, BEA])
    claims = claim_batches(engine, earlier, 10)

    plan(engine, [ANA, BEA], {ANA})
    requeue_unsent(engine, claims)

    assert states(engine) == {ANA: "suppressed", BEA: "planned"}
    assert row(engine, ANA).reason == EXCLUDED


def test_a_message_that_a_dead_attempt_has_claimed_and_a_later_one_excludes_is_not_sent(engine: sa.Engine) -> None:
    earlier = planned(engine, [ANA, BEA])
    claim_batches(engine, earlier, 10)
    suppress_excluded(engine, earlier.campaign, {ANA})
    expire_lease(engine, earlier)

    recover_dead_attempts(engine, earlier.campaign)

    assert claim_next(engine, planned(engine, [ANA, BEA])).phones == [BEA]


def test_a_message_in_doubt_that_is_excluded_once_is_not_planned_again(engine: sa.Engine) -> None:
    claim = dispatched(engine, [ANA, BEA])
    mark_in_doubt(engine, claim, "no reply")
    suppress_excluded(engine, campaign(engine), {ANA})
    assert states(engine) == {ANA: "in_doubt", BEA: "in_doubt"}
    planned(engine, [ANA, BEA])

    resolve_all(engine, campaign(engine), Resolution(Verdict.NOT_SENT, "a person", "not in the panel"))

    assert states(engine) == {ANA: "suppressed", BEA: "planned"}


@pytest.mark.parametrize("excluded", [{ANA}, set()], ids=["excluded", "not excluded"])
def test_an_accepted_message_stays_accepted(engine: sa.Engine, excluded: set[str]) -> None:
    sent(engine, [ANA])

    suppress_excluded(engine, campaign(engine), excluded)
    plan(engine, [ANA], excluded)

    assert row(engine, ANA).state == MessageState.ACCEPTED


def test_a_recipient_that_was_excluded_and_then_erased_is_not_sent_to(engine: sa.Engine) -> None:
    plan(engine, [ANA], {ANA})
    erase(engine, ANA, "a test")

    attempt = planned(engine, [ANA])

    assert list(states(engine).values()) == ["suppressed"]
    assert claim_batches(engine, attempt, 10) == []


def test_a_recipient_of_this_campaign_that_was_erased_is_never_planned_with_or_without_exclusion(
    engine: sa.Engine,
) -> None:
    planned(engine, [ANA])
    erase(engine, ANA, "a test")

    attempt = plan(engine, [ANA, BEA], {ANA})

    assert claim_next(engine, attempt).phones == [BEA]
    assert row(engine, BEA).state == "sending"
