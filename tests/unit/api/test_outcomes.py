"""What a reply proves about each recipient of its request."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_rcs.api.models import Outcome, SendResult
from airflow_provider_rcs.api.outcomes import (
    DUPLICATE_FOR_SERVICE,
    NOT_IN_REPLY,
    REJECTED_BY_SERVICE,
    outcomes_of_reply,
)
from airflow_provider_rcs.api.statuses import MessageState

ANA, BEA, EVA = "+34600000001", "+34600000002", "+34600000003"
ACCEPTED, REJECTED = MessageState.ACCEPTED, MessageState.REJECTED
DUPLICATE, IN_DOUBT = MessageState.DUPLICATE, MessageState.IN_DOUBT


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
        pytest.param(SendResult(messages=1, rejected_count=3), REJECTED, id="all are counted as not sent"),
        pytest.param(SendResult(messages=1, duplicates=3), DUPLICATE, id="all are counted as duplicates"),
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
    [outcome] = outcomes_of_reply([ANA], SendResult(messages=1, duplicates=1))

    assert outcome.reason == DUPLICATE_FOR_SERVICE


def test_a_recipient_in_doubt_says_that_the_reply_does_not_show_its_outcome() -> None:
    result = SendResult(messages=1, accepted={ANA: "1"})

    assert outcomes_of_reply([ANA, BEA], result)[1] == Outcome(BEA, IN_DOUBT, reason=NOT_IN_REPLY)


def test_a_phone_that_is_named_as_sent_and_as_not_sent_is_not_sent_again() -> None:
    result = SendResult(messages=1, accepted={ANA: "1"}, rejected=frozenset({ANA}))

    assert states([ANA], result) == [ACCEPTED]


phones = st.sampled_from([f"+346000000{n:02d}" for n in range(12)])
counts = st.integers(0, 12)
results = st.builds(
    SendResult,
    messages=counts,
    accepted=st.dictionaries(phones, st.sampled_from(["", "1", "2"])),
    rejected=st.frozensets(phones),
    accepted_count=counts,
    rejected_count=counts,
    duplicates=counts,
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
