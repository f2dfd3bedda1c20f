"""Claims of planned messages for requests, and the dispatch of these requests."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsCancelledError, RcsFencedError, RcsStoreError, RcsStoreUnavailable
from airflow_provider_rcs.api.models import FrequencyCap, Recipient
from airflow_provider_rcs.store.campaign.campaigns import lock_campaign
from airflow_provider_rcs.store.campaign.cancellations import Cancellation, cancel
from airflow_provider_rcs.store.db.engine import prepare_engine
from airflow_provider_rcs.store.outbox import claims as claims_module
from airflow_provider_rcs.store.outbox.attempts import Attempt
from airflow_provider_rcs.store.outbox.claims import Claim, claim_batches, claim_left_over, dispatch_claims
from airflow_provider_rcs.store.outbox.frequency_caps import CLAIMS_UNDER_CAP, lock_capped_phones
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from airflow_provider_rcs.store.outbox.settlement import (
    requeue_refused,
)
from tests.unit.store.given import (
    ANA,
    BEA,
    EVA,
    NOON,
    campaign,
    claim_and_dispatch,
    claim_next,
    expire_lease,
    listed,
    lose_requests,
    new_attempt,
    phones,
    planned,
    request_row,
    request_states,
    row,
    states,
    suppress,
)


def all_claims(engine: sa.Engine, attempt: Attempt, size: int) -> list[Claim]:
    claims = []
    while claim := claim_and_dispatch(engine, attempt, size):
        claims.append(claim)
    return claims


@pytest.mark.parametrize(("size", "sizes"), [(1, [1] * 7), (3, [3, 3, 1]), (7, [7]), (1000, [7])])
def test_each_claim_has_the_requested_size_and_the_last_one_the_rest(
    engine: sa.Engine, size: int, sizes: list[int]
) -> None:
    attempt = planned(engine, phones(7))

    assert [len(claim.recipients) for claim in all_claims(engine, attempt, size)] == sizes


@pytest.mark.parametrize(("requests", "sizes"), [(1, [2]), (2, [2, 2]), (3, [2, 2, 1]), (9, [2, 2, 1])])
def test_batches_for_several_requests_are_claimed_in_one_call(
    engine: sa.Engine, requests: int, sizes: list[int]
) -> None:
    people = phones(5)
    attempt = planned(engine, people)

    claims = claim_batches(engine, attempt, 2, requests=requests)

    assert [len(each.recipients) for each in claims] == sizes
    assert [recipient.phone for each in claims for recipient in each.recipients] == people[: sum(sizes)]
    assert [request_row(engine, each).recipients for each in claims] == sizes


def test_left_over_messages_are_claimed_in_as_many_requests_as_are_asked_for(engine: sa.Engine) -> None:
    attempt = planned(engine, phones(5))

    [first] = claim_left_over(engine, attempt, 2)
    rest = claim_left_over(engine, attempt, 2, requests=2)

    assert [each.phones for each in (first, *rest)] == [phones(5)[:2], phones(5)[2:4], phones(5)[4:]]


def test_left_over_messages_are_claimed_under_the_frequency_cap(engine: sa.Engine) -> None:
    claim_next(engine, planned(engine, [ANA], "spring"))
    attempt = planned(engine, [ANA, BEA], "summer")

    [claim] = claim_left_over(engine, attempt, 2, FrequencyCap(1, timedelta(days=7)))

    assert claim.phones == [BEA]


def test_an_attempt_without_left_over_messages_waits_for_no_other(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned(engine, [ANA], "summer")
    attempt = planned(engine, [ANA], "spring")
    claim_next(engine, attempt)
    monkeypatch.setattr(claims_module, "claim_batches", lambda *_, **__: pytest.fail("it locks the campaign"))

    assert claim_left_over(engine, attempt, 2) == []


def test_the_last_claim_is_marked_once_nothing_more_is_planned(engine: sa.Engine) -> None:
    attempt = planned(engine, phones(5))

    [first] = claim_batches(engine, attempt, 2)
    rest = claim_batches(engine, attempt, 2, requests=9)

    assert [each.is_last for each in (first, *rest)] == [False, False, True]


def test_claims_past_suppressed_recipients_are_no_more_than_were_asked_for(engine: sa.Engine) -> None:
    attempt = planned(engine, phones(9))
    suppress(engine, phones(9)[1])

    claims = claim_batches(engine, attempt, 1, requests=2)

    assert [each.phones for each in claims] == [phones(9)[:1], phones(9)[2:3]]


def test_claims_in_several_transactions_are_all_under_the_frequency_cap(engine: sa.Engine) -> None:
    claim_next(engine, planned(engine, phones(2), "spring"))
    attempt = planned(engine, phones(3), "summer")

    claims = claim_batches(engine, attempt, 1, FrequencyCap(1, timedelta(days=7)))

    assert [each.phones for each in claims] == [phones(3)[2:]]


@pytest.mark.postgresql
def test_only_claims_of_the_same_phone_with_a_frequency_cap_wait_for_one_another(postgres_engine: sa.Engine) -> None:
    attempt = planned(postgres_engine, [ANA, BEA])
    options = {"options": "-c lock_timeout=500"}
    impatient = prepare_engine(sa.create_engine(postgres_engine.url, connect_args=options, poolclass=sa.NullPool))

    with postgres_engine.begin() as others, postgres_engine.begin() as other:
        # Locked by two, since one alone needs no phone locked.
        others.execute(sa.text("SELECT pg_advisory_xact_lock_shared(:lock)"), {"lock": CLAIMS_UNDER_CAP})
        lock_capped_phones(other, [ANA])
        with pytest.raises(RcsStoreUnavailable, match="LockNotAvailable"):
            claim_batches(impatient, attempt, 1, FrequencyCap(1, timedelta(days=7)))
        without_cap = claim_batches(impatient, attempt, 1)
        of_another_phone = claim_batches(impatient, attempt, 1, FrequencyCap(1, timedelta(days=7)))

    assert [claim.phones for claim in [*without_cap, *of_another_phone]] == [[ANA], [BEA]]


def test_batch_is_not_filled_up_in_place_of_suppressed_recipients(engine: sa.Engine) -> None:
    people = phones(6)
    attempt = planned(engine, people)
    suppress(engine, *people[:3])

    claims = claim_batches(engine, attempt, 2, requests=2)

    assert [[each.phone for each in claim.recipients] for claim in claims] == [[people[3]], people[4:]]


def test_a_recipient_suppressed_at_a_claim_gets_a_new_revision_and_date(engine: sa.Engine) -> None:
    attempt = planned(engine, [ANA, BEA])
    suppress(engine, ANA)
    before = row(engine)

    claim_next(engine, attempt)

    assert states(engine)[ANA] == "suppressed"
    assert row(engine).revision > before.revision
    assert row(engine).updated_at > before.updated_at


@pytest.mark.slow
def test_planned_recipients_are_claimed_once_in_the_order_of_the_list(engine: sa.Engine) -> None:
    people = list(reversed(phones(25)))
    attempt = planned(engine, people)

    claims = all_claims(engine, attempt, 4)

    assert [recipient.phone for claim in claims for recipient in claim.recipients] == people


def test_claim_contains_all_that_the_request_needs(engine: sa.Engine) -> None:
    attempt = new_attempt(engine)
    record_list(
        engine, attempt, prepare_list_part(engine, [listed(ANA, name="Ana", reference="42", variables={"Amount": "7"})])
    )

    claim = claim_next(engine, attempt)

    assert list(claim.recipients) == [Recipient(ANA, "Ana", "42", {"Amount": "7"})]
    assert claim.message_ids == (row(engine).id,)


def test_messages_are_sending_before_the_request_leaves(engine: sa.Engine) -> None:
    attempt = planned(engine, [ANA, BEA])
    before = row(engine)

    claim = claim_next(engine, attempt)

    assert states(engine) == {ANA: "sending", BEA: "sending"}
    assert row(engine).revision > before.revision
    assert row(engine).updated_at > before.updated_at
    assert row(engine).request_id == claim.request_id
    assert (request_row(engine, claim).state, request_row(engine, claim).recipients) == ("sending", 2)


def test_every_request_has_its_own_reference_that_begins_with_the_token_of_its_campaign(engine: sa.Engine) -> None:
    attempt = planned(engine, phones(5))

    references = {claim.reference for claim in all_claims(engine, attempt, 1)}

    assert len(references) == 5
    assert {each.partition("-")[0] for each in references} == {attempt.campaign.token}


def test_nothing_is_claimed_if_nothing_is_planned(engine: sa.Engine) -> None:
    assert claim_and_dispatch(engine, new_attempt(engine), 10) is None


def test_rejected_recipients_are_not_claimed(engine: sa.Engine) -> None:
    attempt = new_attempt(engine)
    record_list(
        engine, attempt, prepare_list_part(engine, [listed(ANA, "variable Amount: it has no value"), listed(BEA)])
    )

    assert [recipient.phone for recipient in claim_next(engine, attempt).recipients] == [BEA]


def test_recipients_of_other_campaigns_are_not_claimed(engine: sa.Engine) -> None:
    planned(engine, [ANA], "summer")

    assert claim_and_dispatch(engine, new_attempt(engine, "spring"), 10) is None


def test_recipients_removed_from_the_list_are_not_claimed(engine: sa.Engine) -> None:
    planned(engine, [ANA, BEA])

    again = planned(engine, [BEA])

    assert [recipient.phone for recipient in claim_next(engine, again).recipients] == [BEA]
    assert states(engine)[ANA] == "planned"


def test_earlier_attempt_claims_the_list_of_a_later_attempt(engine: sa.Engine) -> None:
    earlier = planned(engine, [ANA])
    planned(engine, [ANA, BEA])

    assert [recipient.phone for recipient in claim_next(engine, earlier).recipients] == [ANA, BEA]


def test_messages_between_the_claimed_ones_are_not_changed(engine: sa.Engine) -> None:
    planned(engine, [ANA, BEA, EVA])
    again = planned(engine, [ANA, EVA])

    claim_next(engine, again)

    assert states(engine) == {ANA: "sending", BEA: "planned", EVA: "sending"}


def test_claim_considers_only_messages_after_the_given_one(engine: sa.Engine) -> None:
    attempt = planned(engine, [ANA, BEA, EVA])
    first = claim_next(engine, attempt, 2)
    requeue_refused(engine, first, "not enough credit")

    second = claim_and_dispatch(engine, attempt, 2, after=first.message_ids[0])

    assert second is not None
    assert [recipient.phone for recipient in second.recipients] == [BEA, EVA]
    assert claim_and_dispatch(engine, attempt, 2, after=second.message_ids[-1]) is None


def test_claim_after_a_message_continues_past_suppressed_recipients(engine: sa.Engine) -> None:
    people = phones(7)
    attempt = planned(engine, people)
    suppress(engine, *people[1:6])

    first = claim_next(engine, attempt, 1)
    second = claim_and_dispatch(engine, attempt, 1, after=first.message_ids[-1])

    assert second is not None
    assert [recipient.phone for recipient in second.recipients] == people[6:]


def test_claimed_request_is_not_dispatched_yet(engine: sa.Engine) -> None:
    [claim] = claim_batches(engine, planned(engine, [ANA]), 1)

    request = request_row(engine, claim)
    assert (request.state, request.api_campaign_id, request.reason) == ("claimed", "", "")
    assert states(engine) == {ANA: "sending"}


def test_only_the_given_claims_are_dispatched(engine: sa.Engine) -> None:
    attempt = planned(engine, [ANA, BEA, EVA])
    claims = claim_batches(engine, attempt, 1, requests=3)

    dispatch_claims(engine, attempt, claims[:2])

    assert request_states(engine, claims) == ["sending", "sending", "claimed"]


def test_nothing_is_dispatched_after_the_lease_expired(engine: sa.Engine) -> None:
    attempt = planned(engine, [ANA])
    claims = claim_batches(engine, attempt, 1)
    expire_lease(engine, attempt)

    with pytest.raises(RcsFencedError, match="suspended for longer than its lease.* Retry the task"):
        dispatch_claims(engine, attempt, claims)

    assert request_states(engine, claims) == ["claimed"]


def test_nothing_is_dispatched_after_the_campaign_was_cancelled(engine: sa.Engine) -> None:
    attempt = planned(engine, [ANA])
    claims = claim_batches(engine, attempt, 1)
    cancel(engine, campaign(engine), Cancellation("Mar", "the price is wrong", NOON))

    with pytest.raises(RcsCancelledError):
        dispatch_claims(engine, attempt, claims)

    assert request_states(engine, claims) == ["claimed"]


@pytest.mark.postgresql
def test_a_list_and_a_dispatch_wait_for_a_transaction_that_may_cancel_the_campaign(postgres_engine: sa.Engine) -> None:
    attempt = planned(postgres_engine, [ANA])
    claims = claim_batches(postgres_engine, attempt, 1)
    options = {"options": "-c lock_timeout=500"}
    impatient = prepare_engine(sa.create_engine(postgres_engine.url, connect_args=options, poolclass=sa.NullPool))

    with postgres_engine.begin() as other:
        lock_campaign(other, attempt.campaign.id)
        with pytest.raises(RcsStoreUnavailable, match="LockNotAvailable"):
            record_list(impatient, attempt, prepare_list_part(impatient, [listed(BEA)]))
        with pytest.raises(RcsStoreUnavailable, match="LockNotAvailable"):
            dispatch_claims(impatient, attempt, claims)

    assert (states(postgres_engine), request_states(postgres_engine, claims)) == ({ANA: "sending"}, ["claimed"])


def test_nothing_is_dispatched_that_the_store_has_lost(engine: sa.Engine) -> None:
    attempt = planned(engine, [ANA, BEA])
    claims = claim_batches(engine, attempt, 1, requests=2)
    lose_requests(engine, claims[1].request_id)

    with pytest.raises(RcsStoreError, match="has lost commits"):
        dispatch_claims(engine, attempt, claims)

    assert request_states(engine, claims[:1]) == ["claimed"]


def test_nothing_is_claimed_by_an_attempt_that_the_store_has_lost(engine: sa.Engine) -> None:
    lost = replace(planned(engine, [ANA]), id=0)

    with pytest.raises(RcsStoreError, match="has lost commits"):
        claim_batches(engine, lost, 1)
