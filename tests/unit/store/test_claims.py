"""Batches of planned messages, each taken for one request and settled by what became of it."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.models import Outcome, Recipient
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.store.db.tables import request
from airflow_provider_rcs.store.outbox.attempts import Attempt
from airflow_provider_rcs.store.outbox.claims import Claim, claim_batches
from airflow_provider_rcs.store.outbox.settlement import (
    ACCEPTED_BY_ECHO,
    Settlement,
    api_campaign_ids,
    mark_in_doubt,
    requeue_refused,
)
from airflow_provider_rcs.store.outbox.settlement import settle as settle_all
from airflow_provider_rcs.store.outbox.suppression import record_exclusions
from tests.one_request import claim_batch, record_list, settle
from tests.unit.store.given import (
    ANA,
    BEA,
    EVA,
    accepted,
    attempt,
    campaign,
    claim,
    claimed,
    listed,
    phones,
    planned,
    receive,
    report_on,
    request_row,
    row,
    sent,
    states,
)


def all_claims(engine: sa.Engine, holder: Attempt, size: int) -> list[Claim]:
    claims = []
    while taken := claim_batch(engine, holder, size):
        claims.append(taken)
    return claims


def bring_to_an_end(engine: sa.Engine, taken: Claim, end: str) -> None:
    match end:
        case "settle":
            settle(engine, taken, accepted(taken), "e-1")
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

    assert [[each.phone for each in claim.recipients] for claim in taken] == [[people[3]], people[4:]]


def test_everyone_who_is_planned_is_claimed_once_in_the_order_of_the_list(engine: sa.Engine) -> None:
    people = list(reversed(phones(25)))
    holder = planned(engine, people)

    claims = all_claims(engine, holder, 4)

    assert [recipient.phone for taken in claims for recipient in taken.recipients] == people


def test_a_claim_carries_all_that_the_request_needs(engine: sa.Engine) -> None:
    holder = attempt(engine)
    record_list(engine, holder, [listed(ANA, name="Ana", reference="42", variables={"Amount": "7"})])

    taken = claim(engine, holder)

    assert list(taken.recipients) == [Recipient(ANA, "Ana", "42", {"Amount": "7"})]
    assert taken.message_ids == (row(engine).id,)


def test_claimed_messages_are_sending_before_the_request_leaves(engine: sa.Engine) -> None:
    taken = claimed(engine, [ANA, BEA])

    assert states(engine) == {ANA: "sending", BEA: "sending"}
    assert row(engine).request_id == taken.request_id
    assert (request_row(engine, taken).state, request_row(engine, taken).recipients) == ("sending", 2)


def test_every_request_has_a_reference_of_its_own(engine: sa.Engine) -> None:
    claims = all_claims(engine, planned(engine, phones(5)), 1)

    assert len({taken.reference for taken in claims}) == 5


def test_nobody_planned_is_nothing_to_claim(engine: sa.Engine) -> None:
    assert claim_batch(engine, attempt(engine), 10) is None


def test_rejected_recipients_are_not_claimed(engine: sa.Engine) -> None:
    holder = attempt(engine)
    record_list(engine, holder, [listed(ANA, "variable Amount: it has no value"), listed(BEA)])

    assert [recipient.phone for recipient in claim(engine, holder).recipients] == [BEA]


def test_recipients_of_other_campaigns_are_not_claimed(engine: sa.Engine) -> None:
    planned(engine, [ANA], "summer")

    assert claim_batch(engine, attempt(engine, "spring"), 10) is None


def test_whoever_was_taken_off_the_list_since_is_not_claimed(engine: sa.Engine) -> None:
    planned(engine, [ANA, BEA])

    again = planned(engine, [BEA])

    assert [recipient.phone for recipient in claim(engine, again).recipients] == [BEA]
    assert states(engine)[ANA] == "planned"


def test_whoever_is_on_the_list_of_a_later_attempt_is_claimed_by_the_earlier_one_too(engine: sa.Engine) -> None:
    earlier = planned(engine, [ANA])
    planned(engine, [ANA, BEA])

    assert [recipient.phone for recipient in claim(engine, earlier).recipients] == [ANA, BEA]


def test_others_between_those_who_are_claimed_are_left_alone(engine: sa.Engine) -> None:
    planned(engine, [ANA, BEA, EVA])
    again = planned(engine, [ANA, EVA])

    claim(engine, again)

    assert states(engine) == {ANA: "sending", BEA: "planned", EVA: "sending"}


def test_a_claim_looks_behind_the_message_that_it_is_told_alone(engine: sa.Engine) -> None:
    holder = planned(engine, [ANA, BEA, EVA])
    first = claim(engine, holder, 2)
    requeue_refused(engine, first, "not enough credit")

    second = claim_batch(engine, holder, 2, after=first.message_ids[0])

    assert second is not None
    assert [recipient.phone for recipient in second.recipients] == [BEA, EVA]
    assert claim_batch(engine, holder, 2, after=second.message_ids[-1]) is None


def test_a_claim_behind_a_message_goes_on_past_those_whom_it_suppresses(engine: sa.Engine) -> None:
    people = phones(7)
    holder = planned(engine, people)
    record_exclusions(engine, holder.campaign, people[1:6])

    first = claim(engine, holder, 1)
    second = claim_batch(engine, holder, 1, after=first.message_ids[-1])

    assert second is not None
    assert [recipient.phone for recipient in second.recipients] == people[6:]


@pytest.mark.parametrize("end", ["settle", "release", "doubt"])
def test_messages_are_found_of_a_request_that_does_not_tell_their_numbers(engine: sa.Engine, end: str) -> None:
    taken = claimed(engine, [ANA, BEA])
    with engine.begin() as connection:
        connection.execute(request.update().values(first_message_id=None, last_message_id=None))

    bring_to_an_end(engine, taken, end)

    assert set(states(engine).values()) == {{"settle": "accepted", "release": "planned", "doubt": "in_doubt"}[end]}


def test_settling_records_what_became_of_each_recipient(engine: sa.Engine) -> None:
    people = [ANA, BEA, EVA, "34600000004"]
    taken = claimed(engine, people)
    outcomes = [
        Outcome(ANA, MessageState.ACCEPTED, "m-1"),
        Outcome(BEA, MessageState.REJECTED, reason="no RCS"),
        Outcome(EVA, MessageState.DUPLICATE, reason="left out"),
        Outcome("34600000004", MessageState.IN_DOUBT, reason="not in the reply"),
    ]

    settle(engine, taken, outcomes, "e-1")

    assert list(states(engine).values()) == ["accepted", "rejected", "duplicate", "in_doubt"]
    assert [row(engine, phone).reason for phone in people] == ["", "no RCS", "left out", "not in the reply"]
    assert [row(engine, phone).api_message_id for phone in people] == ["m-1", None, None, None]


def test_settling_closes_the_request_with_the_services_id(engine: sa.Engine) -> None:
    taken = sent(engine)

    closed = request_row(engine, taken)
    assert (closed.state, closed.api_campaign_id) == ("accepted", "e-1")
    assert closed.settled_at is not None


def test_settling_leaves_other_requests_alone(engine: sa.Engine) -> None:
    holder = planned(engine, [ANA, BEA])
    first, _second = claim(engine, holder, 1), claim(engine, holder, 1)

    settle(engine, first, accepted(first), "e-1")

    assert states(engine) == {ANA: "accepted", BEA: "sending"}


def test_replies_to_several_requests_are_settled_at_once_each_by_its_own_words(engine: sa.Engine) -> None:
    first, second = claim_batches(engine, planned(engine, [ANA, BEA]), 1, requests=2)
    rejected = [Outcome(BEA, MessageState.REJECTED, reason="no RCS")]

    settle_all(engine, [Settlement(first, accepted(first), "e-1"), Settlement(second, rejected, "e-2")])

    assert states(engine) == {ANA: "accepted", BEA: "rejected"}
    assert [request_row(engine, each).api_campaign_id for each in (first, second)] == ["e-1", "e-2"]


def test_settling_twice_changes_nothing(engine: sa.Engine) -> None:
    taken = sent(engine, [ANA, BEA])
    before = states(engine)

    settle(engine, taken, accepted(taken), "e-1")

    assert states(engine) == before


def test_a_message_that_a_report_has_proven_accepted_gets_its_id_from_the_reply(engine: sa.Engine) -> None:
    taken = claimed(engine)
    receive(engine, report_on(taken))

    settle(engine, taken, accepted(taken), "e-1")

    assert (row(engine).state, row(engine).api_message_id) == ("accepted", f"m-{ANA}")
    assert row(engine).delivery_status == "delivered"


@pytest.mark.parametrize("told", [MessageState.REJECTED, MessageState.DUPLICATE, MessageState.IN_DOUBT])
def test_a_message_that_a_report_has_proven_accepted_stays_so_whatever_the_reply_says(
    engine: sa.Engine, told: MessageState
) -> None:
    taken = claimed(engine)
    receive(engine, report_on(taken))

    settle(engine, taken, [Outcome(ANA, told, reason="so the reply says")], "e-1")

    assert (row(engine).state, row(engine).reason) == ("accepted", "")


def test_a_refused_request_gives_its_messages_back_as_planned(engine: sa.Engine) -> None:
    taken = claimed(engine, [ANA, BEA])

    requeue_refused(engine, taken, "not enough credit")

    assert states(engine) == {ANA: "planned", BEA: "planned"}
    assert row(engine).request_id is None


def test_a_refused_request_says_why(engine: sa.Engine) -> None:
    taken = claimed(engine)

    requeue_refused(engine, taken, "not enough credit")

    assert (request_row(engine, taken).state, request_row(engine, taken).reason) == ("refused", "not enough credit")


def test_refused_messages_can_be_claimed_again_under_a_new_reference(engine: sa.Engine) -> None:
    holder = planned(engine, [ANA])
    refused = claim(engine, holder)
    requeue_refused(engine, refused, "not enough credit")

    again = claim(engine, holder)

    assert again.recipients == refused.recipients
    assert again.reference != refused.reference


def test_a_refusal_leaves_alone_whom_a_report_has_proven_accepted(engine: sa.Engine) -> None:
    taken = claimed(engine)
    receive(engine, report_on(taken))

    requeue_refused(engine, taken, "not enough credit")

    assert states(engine) == {ANA: "accepted"}


def test_a_lost_reply_leaves_the_messages_in_doubt_and_says_why(engine: sa.Engine) -> None:
    taken = claimed(engine, [ANA, BEA])

    assert mark_in_doubt(engine, taken, "the connection broke") == 2

    assert states(engine) == {ANA: "in_doubt", BEA: "in_doubt"}
    assert row(engine).reason == "the connection broke"
    assert (request_row(engine, taken).state, request_row(engine, taken).reason) == ("in_doubt", "the connection broke")


def test_messages_in_doubt_are_not_claimed(engine: sa.Engine) -> None:
    holder = planned(engine, [ANA])
    mark_in_doubt(engine, claim(engine, holder), "the connection broke")

    assert claim_batch(engine, holder, 10) is None


def test_an_echo_before_the_doubt_proves_the_whole_request_accepted(engine: sa.Engine) -> None:
    taken = claimed(engine, [ANA, BEA])
    receive(engine, report_on(taken, ANA))

    assert mark_in_doubt(engine, taken, "the connection broke") == 0

    assert states(engine) == {ANA: "accepted", BEA: "accepted"}
    assert row(engine, BEA).reason == ACCEPTED_BY_ECHO
    assert request_row(engine, taken).state == "accepted"


def test_an_echo_of_one_request_proves_nothing_of_another(engine: sa.Engine) -> None:
    holder = planned(engine, [ANA, BEA])
    echoed, silent = claim(engine, holder, 1), claim(engine, holder, 1)
    receive(engine, report_on(echoed, ANA))

    assert mark_in_doubt(engine, silent, "the connection broke") == 1


@pytest.mark.parametrize("end", ["settle", "release", "doubt"])
def test_every_change_carries_the_campaigns_new_revision(engine: sa.Engine, end: str) -> None:
    taken = claimed(engine)
    before = row(engine).revision

    bring_to_an_end(engine, taken, end)

    assert row(engine).revision > before


def test_the_services_ids_of_a_campaign_are_told_in_the_order_of_its_requests(engine: sa.Engine) -> None:
    holder = planned(engine, [ANA, BEA, EVA])
    first, second, refused = (claim(engine, holder, 1) for _ in range(3))
    settle(engine, second, accepted(second), "e-2")
    settle(engine, first, accepted(first), "e-1")
    requeue_refused(engine, refused, "not enough credit")

    assert api_campaign_ids(engine, campaign(engine).id) == ["e-1", "e-2"]
