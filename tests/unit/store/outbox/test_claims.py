"""Batches of planned messages, each taken for one request and settled by what became of it."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsCancelledError, RcsFencedError
from airflow_provider_rcs.api.models import Recipient
from airflow_provider_rcs.store.campaign.cancellations import Cancellation, cancel
from airflow_provider_rcs.store.outbox.attempts import Attempt
from airflow_provider_rcs.store.outbox.claims import Claim, claim_batches, dispatch_claims
from airflow_provider_rcs.store.outbox.planning import prepare_list_part, record_list
from airflow_provider_rcs.store.outbox.settlement import (
    Settlement,
    mark_in_doubt,
    requeue_refused,
    settle,
)
from airflow_provider_rcs.store.outbox.suppression import record_exclusions
from tests.unit.store.given import ANA, BEA, EVA, NOON, accepted, new_attempt, campaign, claim_next, claim_and_dispatch, dispatched, expire_lease, listed, phones, planned, request_row, row, states


def all_claims(engine: sa.Engine, holder: Attempt, size: int) -> list[Claim]:
    claims = []
    while taken := claim_and_dispatch(engine, holder, size):
        claims.append(taken)
    return claims


def bring_to_an_end(engine: sa.Engine, taken: Claim, end: str) -> None:
    match end:
        case "settle":
            settle(engine, [Settlement(taken, accepted(taken), "e-1")])
        case "release":
            requeue_refused(engine, taken, "refused")
        case "doubt":
            mark_in_doubt(engine, taken, "lost")


@pytest.mark.parametrize(("size", "sizes"), [(1, [1] * 7), (3, [3, 3, 1]), (7, [7]), (1000, [7])])
def test_a_claim_takes_as_many_as_asked_for_and_the_last_what_is_left(
    engine: sa.Engine, size: int, sizes: list[int]
) -> None:
    holder = planned(engine, phones(7))

    assert [len(taken.recipients) for taken in all_claims(engine, holder, size)] == sizes


@pytest.mark.parametrize(("requests", "sizes"), [(1, [2]), (2, [2, 2]), (3, [2, 2, 1]), (9, [2, 2, 1])])
def test_batches_for_several_requests_are_claimed_at_once(engine: sa.Engine, requests: int, sizes: list[int]) -> None:
    people = phones(5)
    holder = planned(engine, people)

    taken = claim_batches(engine, holder, 2, requests=requests)

    assert [len(each.recipients) for each in taken] == sizes
    assert [recipient.phone for each in taken for recipient in each.recipients] == people[: sum(sizes)]
    assert [request_row(engine, each).recipients for each in taken] == sizes


def test_whoever_is_suppressed_leaves_room_in_none_of_the_batches(engine: sa.Engine) -> None:
    people = phones(6)
    holder = planned(engine, people)
    record_exclusions(engine, campaign(engine), people[:3])

    taken = claim_batches(engine, holder, 2, requests=2)

    assert [[each.phone for each in claim_next.recipients] for claim_next in taken] == [[people[3]], people[4:]]


def test_everyone_who_is_planned_is_claimed_once_in_the_order_of_the_list(engine: sa.Engine) -> None:
    people = list(reversed(phones(25)))
    holder = planned(engine, people)

    claims = all_claims(engine, holder, 4)

    assert [recipient.phone for taken in claims for recipient in taken.recipients] == people


def test_a_claim_carries_all_that_the_request_needs(engine: sa.Engine) -> None:
    holder = new_attempt(engine)
    record_list(
        engine, holder, prepare_list_part(engine, [listed(ANA, name="Ana", reference="42", variables={"Amount": "7"})])
    )

    taken = claim_next(engine, holder)

    assert list(taken.recipients) == [Recipient(ANA, "Ana", "42", {"Amount": "7"})]
    assert taken.message_ids == (row(engine).id,)


def test_claimed_messages_are_sending_before_the_request_leaves(engine: sa.Engine) -> None:
    taken = dispatched(engine, [ANA, BEA])

    assert states(engine) == {ANA: "sending", BEA: "sending"}
    assert row(engine).request_id == taken.request_id
    assert (request_row(engine, taken).state, request_row(engine, taken).recipients) == ("sending", 2)


def test_every_request_has_a_reference_of_its_own(engine: sa.Engine) -> None:
    claims = all_claims(engine, planned(engine, phones(5)), 1)

    assert len({taken.reference for taken in claims}) == 5


def test_nobody_planned_is_nothing_to_claim(engine: sa.Engine) -> None:
    assert claim_and_dispatch(engine, new_attempt(engine), 10) is None


def test_rejected_recipients_are_not_claimed(engine: sa.Engine) -> None:
    holder = new_attempt(engine)
    record_list(
        engine, holder, prepare_list_part(engine, [listed(ANA, "variable Amount: it has no value"), listed(BEA)])
    )

    assert [recipient.phone for recipient in claim_next(engine, holder).recipients] == [BEA]


def test_recipients_of_other_campaigns_are_not_claimed(engine: sa.Engine) -> None:
    planned(engine, [ANA], "summer")

    assert claim_and_dispatch(engine, new_attempt(engine, "spring"), 10) is None


def test_whoever_was_taken_off_the_list_since_is_not_claimed(engine: sa.Engine) -> None:
    planned(engine, [ANA, BEA])

    again = planned(engine, [BEA])

    assert [recipient.phone for recipient in claim_next(engine, again).recipients] == [BEA]
    assert states(engine)[ANA] == "planned"


def test_whoever_is_on_the_list_of_a_later_attempt_is_claimed_by_the_earlier_one_too(engine: sa.Engine) -> None:
    earlier = planned(engine, [ANA])
    planned(engine, [ANA, BEA])

    assert [recipient.phone for recipient in claim_next(engine, earlier).recipients] == [ANA, BEA]


def test_others_between_those_who_are_claimed_are_left_alone(engine: sa.Engine) -> None:
    planned(engine, [ANA, BEA, EVA])
    again = planned(engine, [ANA, EVA])

    claim_next(engine, again)

    assert states(engine) == {ANA: "sending", BEA: "planned", EVA: "sending"}


def test_a_claim_looks_behind_the_message_that_it_is_told_alone(engine: sa.Engine) -> None:
    holder = planned(engine, [ANA, BEA, EVA])
    first = claim_next(engine, holder, 2)
    requeue_refused(engine, first, "not enough credit")

    second = claim_and_dispatch(engine, holder, 2, after=first.message_ids[0])

    assert second is not None
    assert [recipient.phone for recipient in second.recipients] == [BEA, EVA]
    assert claim_and_dispatch(engine, holder, 2, after=second.message_ids[-1]) is None


def test_a_claim_behind_a_message_goes_on_past_those_whom_it_suppresses(engine: sa.Engine) -> None:
    people = phones(7)
    holder = planned(engine, people)
    record_exclusions(engine, holder.campaign, people[1:6])

    first = claim_next(engine, holder, 1)
    second = claim_and_dispatch(engine, holder, 1, after=first.message_ids[-1])

    assert second is not None
    assert [recipient.phone for recipient in second.recipients] == people[6:]


def request_states(engine: sa.Engine, claims: list[Claim]) -> list[str]:
    return [request_row(engine, each).state for each in claims]


def test_a_request_that_is_claimed_may_not_leave_yet(engine: sa.Engine) -> None:
    taken = claim_batches(engine, planned(engine, [ANA]), 1)

    assert request_states(engine, taken) == ["claimed"]
    assert states(engine) == {ANA: "sending"}


def test_those_that_leave_together_are_marked_and_no_others(engine: sa.Engine) -> None:
    holder = planned(engine, [ANA, BEA, EVA])
    taken = claim_batches(engine, holder, 1, requests=3)

    dispatch_claims(engine, holder, taken[:2])

    assert request_states(engine, taken) == ["sending", "sending", "claimed"]


def test_nothing_leaves_once_the_lease_is_lost(engine: sa.Engine) -> None:
    holder = planned(engine, [ANA])
    taken = claim_batches(engine, holder, 1)
    expire_lease(engine, holder)

    with pytest.raises(RcsFencedError):
        dispatch_claims(engine, holder, taken)

    assert request_states(engine, taken) == ["claimed"]


def test_nothing_leaves_once_the_campaign_is_cancelled(engine: sa.Engine) -> None:
    holder = planned(engine, [ANA])
    taken = claim_batches(engine, holder, 1)
    cancel(engine, campaign(engine), Cancellation("Mar", "the price is wrong", NOON))

    with pytest.raises(RcsCancelledError):
        dispatch_claims(engine, holder, taken)

    assert request_states(engine, taken) == ["claimed"]
