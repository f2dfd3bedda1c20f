from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.chaos.campaigns import CampaignUnderTest
from tests.chaos.sender import DONE
from tests.chaos.sizes import sized
from tests.chaos.steps import Step

STEPS_OF_EVERY_REQUEST = (
    Step.BEFORE_CLAIM,
    Step.CLAIMING,
    Step.AFTER_CLAIM,
    Step.DISPATCHING,
    Step.AFTER_DISPATCHING,
    Step.BEFORE_REQUEST,
    Step.ACCEPTED,
    Step.AFTER_REPLY,
    Step.SETTLING,
    Step.AFTER_SETTLING,
)


# Of several in flight some are claimed, and settled, together, so that there are fewer occurrences.
@pytest.mark.parametrize(("in_flight", "occurrence"), sized([(3, 2)], [(1, 1), (1, 2), (1, 4), (1, 5), (3, 1), (3, 2)]))
@pytest.mark.parametrize("step", STEPS_OF_EVERY_REQUEST)
def test_killed_at_a_step_of_a_request_then_retried(
    campaign: Callable[..., CampaignUnderTest], step: Step, in_flight: int, occurrence: int
) -> None:
    sent = campaign(max_in_flight=in_flight)

    sent.send_and_die(step, occurrence)
    assert sent.require_true_books().listed == sent.listed

    sent.require_settled_by_reports()


@pytest.mark.parametrize(
    "step",
    sized(
        [Step.PLANNING, Step.AFTER_CLAIM, Step.DISPATCHING],
        [Step.PLANNING, Step.BEFORE_CLAIM, Step.CLAIMING, Step.AFTER_CLAIM, Step.DISPATCHING],
    ),
)
def test_killed_before_the_first_request_may_leave_leaves_nobody_in_doubt(
    campaign: Callable[..., CampaignUnderTest], step: Step
) -> None:
    sent = campaign()

    sent.send_and_die(step, 1)

    assert not sent.require_true_books().phones("in_doubt", "accepted")
    assert sent.send() == DONE
    assert sent.require_settled_by_reports().phones("accepted") == sent.phones


@pytest.mark.parametrize("step", sized([Step.ACCEPTED], [Step.ACCEPTED, Step.AFTER_REPLY]))
def test_killed_between_acceptance_and_its_reply_being_taken_leaves_doubts_that_reports_settle(
    campaign: Callable[..., CampaignUnderTest], step: Step
) -> None:
    sent = campaign()

    sent.send_and_die(step, 1)

    assert sent.send_until_nobody_is_left() == 20
    assert sent.require_settled_by_reports().phones("accepted") == sent.phones


def test_killed_while_claiming_ahead_leaves_those_in_doubt_alone_whose_request_had_left(
    campaign: Callable[..., CampaignUnderTest],
) -> None:
    sent = campaign()

    # The second claim is made while the first request is under way.
    sent.send_and_die(Step.AFTER_CLAIM, 2)

    assert sent.send_until_nobody_is_left() == 20
    sent.require_settled_by_reports()


@pytest.mark.parametrize("step", sized([Step.AFTER_DISPATCHING], [Step.AFTER_DISPATCHING, Step.BEFORE_REQUEST]))
def test_killed_before_the_request_left_leaves_doubts_that_reports_do_not_call_accepted(
    campaign: Callable[..., CampaignUnderTest], step: Step
) -> None:
    sent = campaign()

    sent.send_and_die(step, 1)

    assert sent.require_settled_by_reports().count("in_doubt") == 20


def test_killed_while_a_refusal_is_recorded(campaign: Callable[..., CampaignUnderTest]) -> None:
    sent = campaign()
    sent.order_fault(2, "status", status=429)

    sent.send_and_die(Step.REQUEUEING_REFUSED, 1)
    sent.require_true_books()

    sent.require_settled_by_reports()


def test_killed_while_who_was_claimed_ahead_is_given_back(campaign: Callable[..., CampaignUnderTest]) -> None:
    sent = campaign()
    sent.order_fault(1, "status", status=429)

    sent.send_and_die(Step.REQUEUEING_UNSENT, 1)

    assert not sent.require_true_books().phones("accepted")
    assert sent.send() == DONE
    assert sent.require_settled_by_reports().phones("accepted") == sent.phones


def test_killed_while_a_doubt_is_recorded(campaign: Callable[..., CampaignUnderTest]) -> None:
    sent = campaign(max_in_flight=1)
    sent.order_fault(2, "reset_after")

    sent.send_and_die(Step.DOUBTING, 1)
    sent.require_true_books()

    assert sent.require_settled_by_reports().phones("accepted") == sent.phones


def test_killed_before_its_end_is_recorded_leaves_nobody_in_doubt(campaign: Callable[..., CampaignUnderTest]) -> None:
    sent = campaign()

    sent.send_and_die(Step.ENDING, 1)

    assert sent.require_true_books().phones("accepted") == sent.phones
    assert sent.send() == DONE
    sent.require_settled_by_reports()
