"""What a reply proves about each recipient of its request."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_rcs.api.errors import RcsCreditError, RcsNothingDoneError
from airflow_provider_rcs.api.models import Outcome, SendResult
from airflow_provider_rcs.api.outcomes import (
    DUPLICATE_FOR_SERVICE,
    NAMED_TWICE,
    NOT_IN_REPLY,
    REJECTED_BY_SERVICE,
    outcomes_of_reply,
    refusal_of,
)
from airflow_provider_rcs.api.statuses import MessageState

ANA, BEA, EVA, ZOE = "+34600000001", "+34600000002", "+34600000003", "+34699999999"
ACCEPTED, REJECTED = MessageState.ACCEPTED, MessageState.REJECTED
DUPLICATE, IN_DOUBT = MessageState.DUPLICATE, MessageState.IN_DOUBT
PLANNED = MessageState.PLANNED
NO_CREDIT, NOTHING_DONE = RcsCreditError("no credit"), RcsNothingDoneError("nothing done")


def states(phones: Any, result: Any) -> Any:
    return [outcome.state for outcome in outcomes_of_reply(phones, result)]


def test_a_recipient_named_as_sent_is_accepted_with_its_message_id() -> None:
    result = SendResult(messages=1, accepted={ANA: "108366478"})

    assert outcomes_of_reply([ANA], result) == [Outcome(ANA, ACCEPTED, api_message_id="108366478")]


def test_a_recipient_named_as_not_sent_is_rejected_with_the_reason() -> None:
    result = SendResult(messages=0, rejected=frozenset({ANA}))

    assert outcomes_of_reply([ANA], result) == [Outcome(ANA, REJECTED, reason=REJECTED_BY_SERVICE)]


def test_each_recipient_has_its_own_outcome() -> None:
    result = SendResult(messages=1, accepted={BEA: "1"}, rejected=frozenset({ANA}))

    assert states([ANA, BEA], result) == [REJECTED, ACCEPTED]


@pytest.mark.parametrize(
    ("result", "others"),
    [
        pytest.param(SendResult(messages=3), ACCEPTED, id="the total is all recipients"),
        pytest.param(SendResult(messages=3, accepted_count=3), ACCEPTED, id="all are counted as sent"),
        pytest.param(SendResult(messages=0, rejected_count=3), REJECTED, id="all are counted as not sent"),
        pytest.param(SendResult(messages=0, duplicates=3), DUPLICATE, id="all are counted as duplicates"),
        pytest.param(SendResult(messages=2), IN_DOUBT, id="the total is smaller"),
        pytest.param(SendResult(messages=4), IN_DOUBT, id="the total is larger"),
        pytest.param(
            SendResult(messages=2, accepted_count=2, rejected_count=1),
            IN_DOUBT,
            id="one unnamed recipient was not sent",
        ),
        pytest.param(
            SendResult(messages=2, accepted_count=2, duplicates=1), IN_DOUBT, id="one unnamed recipient is a duplicate"
        ),
        pytest.param(SendResult(messages=3, rejected_count=1), IN_DOUBT, id="total and count contradict"),
        pytest.param(SendResult(messages=3, rejected_count=3), IN_DOUBT, id="all are sent and all are not sent"),
        pytest.param(SendResult(messages=3, accepted_count=0), IN_DOUBT, id="all are sent and none is counted"),
        pytest.param(SendResult(messages=1, accepted_count=3), IN_DOUBT, id="one is sent and all are counted"),
        pytest.param(SendResult(messages=3, accepted_count=3, rejected_count=3), IN_DOUBT, id="more than all"),
        pytest.param(SendResult(messages=3, is_unclear=True), IN_DOUBT, id="a part cannot be read"),
        pytest.param(SendResult(messages=3, rejected=frozenset({ZOE})), IN_DOUBT, id="a stranger is named"),
        pytest.param(SendResult(messages=0, rejected_count=1), IN_DOUBT, id="one of three is not sent"),
        pytest.param(SendResult(messages=3, duplicates=1), IN_DOUBT, id="total and duplicates contradict"),
    ],
)
def test_counts_decide_only_if_they_allow_no_other_reading(result: Any, others: Any) -> None:
    assert states([ANA, BEA, EVA], result) == [others] * 3


@pytest.mark.parametrize(
    ("result", "others"),
    [
        pytest.param(SendResult(messages=1, accepted={ANA: "1"}, rejected_count=2), REJECTED, id="counted as not sent"),
        pytest.param(SendResult(messages=1, accepted={ANA: "1"}, duplicates=2), DUPLICATE, id="counted as duplicates"),
        pytest.param(
            SendResult(messages=2, rejected=frozenset({ANA}), accepted_count=2), ACCEPTED, id="counted as sent"
        ),
        pytest.param(SendResult(messages=1, accepted={ANA: "1"}), IN_DOUBT, id="not mentioned"),
        pytest.param(
            SendResult(messages=1, accepted={ANA: "1"}, rejected_count=2, duplicates=1), IN_DOUBT, id="too many"
        ),
        pytest.param(SendResult(messages=3, accepted={ANA: "1"}), IN_DOUBT, id="a total larger than the list"),
        pytest.param(
            SendResult(messages=1, accepted={ANA: "1"}, rejected_count=1, duplicates=1), IN_DOUBT, id="one of each"
        ),
    ],
)
def test_counts_decide_about_recipients_that_the_reply_does_not_name(result: Any, others: Any) -> None:
    assert states([ANA, BEA, EVA], result)[1:] == [others] * 2


def test_a_duplicate_says_that_the_service_left_it_out() -> None:
    [outcome] = outcomes_of_reply([ANA], SendResult(messages=0, duplicates=1))

    assert outcome.reason == DUPLICATE_FOR_SERVICE


def test_a_recipient_in_doubt_says_that_the_reply_does_not_show_its_outcome() -> None:
    result = SendResult(messages=1, accepted={ANA: "1"})

    assert outcomes_of_reply([ANA, BEA], result)[1] == Outcome(BEA, IN_DOUBT, reason=NOT_IN_REPLY)


def test_a_phone_that_is_named_as_sent_and_as_not_sent_is_not_sent_again() -> None:
    result = SendResult(messages=1, accepted={ANA: "1"}, rejected=frozenset({ANA}), refused=NO_CREDIT)

    assert outcomes_of_reply([ANA], result) == [Outcome(ANA, ACCEPTED, "1", NAMED_TWICE)]


def test_a_refusal_requeues_recipients_named_as_not_sent_and_leaves_the_unnamed_in_doubt() -> None:
    result = SendResult(messages=0, accepted={ANA: "1"}, rejected=frozenset({BEA}), refused=NO_CREDIT)

    assert states([ANA, BEA, EVA], result) == [ACCEPTED, PLANNED, IN_DOUBT]


@pytest.mark.parametrize(
    ("result", "others"),
    [
        pytest.param(SendResult(0, rejected=frozenset({ZOE}), refused=NO_CREDIT), PLANNED, id="a stranger is not sent"),
        pytest.param(SendResult(0, accepted={ZOE: "1"}, refused=NO_CREDIT), IN_DOUBT, id="a stranger is sent"),
        pytest.param(SendResult(0, "77", refused=NO_CREDIT), IN_DOUBT, id="the send has an id"),
        pytest.param(SendResult(0, accepted_count=1, refused=NO_CREDIT), IN_DOUBT, id="one is counted as sent"),
        pytest.param(SendResult(0, is_unclear=True, refused=NO_CREDIT), IN_DOUBT, id="a part cannot be read"),
        pytest.param(SendResult(3, refused=NO_CREDIT), IN_DOUBT, id="refused by HTTP alone"),
        pytest.param(SendResult(0, "77", rejected_count=3, refused=NO_CREDIT), PLANNED, id="all are not sent"),
        pytest.param(SendResult(0, rejected_count=2, refused=NO_CREDIT), IN_DOUBT, id="two of three are not sent"),
        pytest.param(
            SendResult(0, accepted_count=0, rejected_count=2, refused=NO_CREDIT), PLANNED, id="none is counted as sent"
        ),
    ],
)
def test_a_refusal_requeues_the_unnamed_if_nothing_says_that_some_were_sent(result: Any, others: Any) -> None:
    assert states([ANA, BEA, EVA], result) == [others] * 3


def test_a_service_that_did_nothing_rejects_those_it_names_and_requeues_the_others() -> None:
    result = SendResult(messages=0, rejected=frozenset({BEA}), refused=NOTHING_DONE)

    outcomes = outcomes_of_reply([ANA, BEA], result)

    assert [outcome.state for outcome in outcomes] == [PLANNED, REJECTED]
    assert refusal_of(result, outcomes) is NOTHING_DONE


def test_a_reply_that_only_rejects_recipients_by_themselves_is_no_refusal() -> None:
    result = SendResult(messages=0, rejected=frozenset({ANA}), refused=NOTHING_DONE)

    assert refusal_of(result, outcomes_of_reply([ANA], result)) is None


def test_a_refusal_stays_one_if_all_recipients_are_settled() -> None:
    result = SendResult(messages=0, accepted={ANA: "1"}, refused=NO_CREDIT)

    assert refusal_of(result, outcomes_of_reply([ANA], result)) is NO_CREDIT


phones = st.sampled_from([f"+346000000{n:02d}" for n in range(12)])
counts = st.integers(0, 12)
results = st.builds(
    SendResult,
    messages=counts,
    accepted=st.dictionaries(phones, st.sampled_from(["", "1", "2"])),
    rejected=st.frozensets(phones),
    accepted_count=st.none() | counts,
    rejected_count=st.none() | counts,
    duplicates=counts,
    is_unclear=st.booleans(),
    refused=st.sampled_from([None, NO_CREDIT, NOTHING_DONE]),
)


@given(st.lists(phones, unique=True), results)
def test_whatever_the_reply_says_every_phone_gets_exactly_one_outcome_in_order(asked: Any, result: Any) -> None:
    assert [outcome.phone for outcome in outcomes_of_reply(asked, result)] == asked


@given(st.lists(phones, unique=True), results)
def test_all_phones_that_the_reply_does_not_name_have_one_outcome(asked: Any, result: Any) -> None:
    unnamed = {
        (outcome.state, outcome.reason)
        for outcome in outcomes_of_reply(asked, result)
        if outcome.phone not in result.accepted and outcome.phone not in result.rejected
    }

    assert len(unnamed) <= 1


@given(st.lists(phones, unique=True, min_size=1), st.data())
def test_a_reply_that_names_every_recipient_decides_about_each(asked: Any, data: Any) -> None:
    sent = data.draw(st.sets(st.sampled_from(asked)))
    result = SendResult(
        messages=len(sent),
        accepted=dict.fromkeys(sent, "1"),
        rejected=frozenset(phone for phone in asked if phone not in sent),
    )

    assert {phone for phone, state in zip(asked, states(asked, result), strict=True) if state is ACCEPTED} == sent
