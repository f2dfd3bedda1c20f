"""When too many of a campaign's messages have failed."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.errors import RcsTooManyFailuresError
from airflow_provider_rcs.api.models import Outcome
from airflow_provider_rcs.api.outcomes import REJECTED_BY_SERVICE
from airflow_provider_rcs.api.statuses import DeliveryStatus, MessageState
from airflow_provider_rcs.store.read.funnel import Funnel, require_failure_rate
from tests.one_request import record_list, settle
from tests.unit.store.given import claim, funnel, listed, phones, planned, receive, report_on


def of(*, messages: int, failed: int) -> Funnel:
    """A campaign of so many accepted messages, of which some have failed and no other has a report."""
    states = dict.fromkeys(MessageState, 0) | {MessageState.ACCEPTED: messages}
    statuses = dict.fromkeys(DeliveryStatus, 0) | {DeliveryStatus.FAILED: failed}
    return Funnel(states, statuses, messages - failed)


def some_of_each(engine: sa.Engine) -> Funnel:
    """Ten messages: one refused by the service, two failed, one delivered; and a phone that was never sent to."""
    people = phones(10)
    holder = planned(engine, people)
    record_list(engine, holder, [listed("34699999999", "phone: it is missing")])
    taken = claim(engine, holder)
    refused = Outcome(people[0], MessageState.REJECTED, reason=REJECTED_BY_SERVICE)
    settle(engine, taken, [refused, *(Outcome(phone, MessageState.ACCEPTED, phone) for phone in people[1:])], "e-1")
    receive(
        engine, *(report_on(taken, phone, code) for phone, code in zip(people[1:], ["50", "54", "13"], strict=False))
    )
    return funnel(engine)


def test_a_message_that_the_service_refused_has_failed_and_one_that_never_came_so_far_has_not(
    engine: sa.Engine,
) -> None:
    counted = some_of_each(engine)

    assert (counted.refused, counted.failed) == (1, 3)


def test_the_error_tells_how_many_failed_and_what_became_of_each(engine: sa.Engine) -> None:
    counted = some_of_each(engine)

    with pytest.raises(RcsTooManyFailuresError) as refused:
        require_failure_rate("spring", counted, 0.25)

    assert str(refused.value).startswith(
        "campaign 'spring': 3 of its 10 messages have failed (30.0%), and max_failure_rate=0.25 allows 25.0%. "
        "2 failed, 1 delivered, 6 without a report, 1 rejected (the service refused the phone"
    )


@pytest.mark.parametrize(("messages", "failed", "most"), [(100, 7, 0.07), (100, 0, 0), (0, 0, 0), (3, 1, 0.34)])
def test_as_many_as_are_allowed_are_not_too_many(messages: int, failed: int, most: float) -> None:
    require_failure_rate("spring", of(messages=messages, failed=failed), most)


@pytest.mark.parametrize(("messages", "failed", "most"), [(100, 8, 0.07), (100, 1, 0), (3, 1, 0.33)])
def test_one_more_than_are_allowed_is_too_many(messages: int, failed: int, most: float) -> None:
    with pytest.raises(RcsTooManyFailuresError):
        require_failure_rate("spring", of(messages=messages, failed=failed), most)


def test_the_first_message_that_fails_is_not_taken_for_all_of_them() -> None:
    require_failure_rate("spring", of(messages=100, failed=1), 0.02)
