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


# With several requests in flight, some are claimed and settled together, so that the steps occur less often.
@pytest.mark.parametrize(("in_flight", "occurrence"), sized([(3, 2)], [(1, 1), (1, 2), (1, 4), (1, 5), (3, 1), (3, 2)]))
@pytest.mark.parametrize("step", STEPS_OF_EVERY_REQUEST)
def test_killed_at_a_step_of_a_request_then_retried(
    campaign: Callable[..., CampaignUnderTest], step: Step, in_flight: int, occurrence: int
) -> None:
    sent = campaign(max_in_flight=in_flight)

    sent.send_until_killed(step, occurrence)
    assert sent.require_consistent_ledger().listed == sent.listed

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

    sent.send_until_killed(step, 1)

    assert not sent.require_consistent_ledger().phones("in_doubt", "accepted")
    assert sent.send() == DONE
    assert sent.require_settled_by_reports().phones("accepted") == sent.phones


@pytest.mark.parametrize("step", sized([Step.ACCEPTED], [Step.ACCEPTED, Step.AFTER_REPLY]))
def test_killed_between_acceptance_and_reply_leaves_messages_in_doubt_that_reports_settle(
    campaign: Callable[..., CampaignUnderTest], step: Step
) -> None:
    sent = campaign()

    sent.send_until_killed(step, 1)

    assert sent.send_until_none_is_planned() == 20
    assert sent.require_settled_by_reports().phones("accepted") == sent.phones


def test_killed_while_claiming_ahead_leaves_only_dispatched_messages_in_doubt(
    campaign: Callable[..., CampaignUnderTest],
) -> None:
    sent = campaign()
    sent.inject_fault(1, "late_reply", seconds=3)

    # The second claim is made while the first request is in flight.
    sent.send_until_killed(Step.AFTER_CLAIM, 2)

    assert sent.send_until_none_is_planned() == 20
    sent.require_settled_by_reports()


@pytest.mark.parametrize("step", sized([Step.AFTER_DISPATCHING], [Step.AFTER_DISPATCHING, Step.BEFORE_REQUEST]))
def test_killed_before_the_request_left_leaves_messages_in_doubt_without_reports(
    campaign: Callable[..., CampaignUnderTest], step: Step
) -> None:
    sent = campaign()

    sent.send_until_killed(step, 1)

    assert sent.require_settled_by_reports().count("in_doubt") == 20


def test_killed_while_a_refusal_is_recorded(campaign: Callable[..., CampaignUnderTest]) -> None:
    sent = campaign()
    sent.inject_fault(2, "status", status=429)

    sent.send_until_killed(Step.REQUEUEING_REFUSED, 1)
    sent.require_consistent_ledger()

    sent.require_settled_by_reports()


def test_killed_while_messages_claimed_ahead_are_requeued(campaign: Callable[..., CampaignUnderTest]) -> None:
    sent = campaign()
    sent.inject_fault(1, "status", status=429)

    sent.send_until_killed(Step.REQUEUEING_UNSENT, 1)

    assert not sent.require_consistent_ledger().phones("accepted")
    assert sent.send() == DONE
    assert sent.require_settled_by_reports().phones("accepted") == sent.phones


def test_killed_while_messages_are_marked_in_doubt(campaign: Callable[..., CampaignUnderTest]) -> None:
    sent = campaign(max_in_flight=1)
    sent.inject_fault(2, "reset_after")

    sent.send_until_killed(Step.MARKING_IN_DOUBT, 1)
    sent.require_consistent_ledger()

    assert sent.require_settled_by_reports().phones("accepted") == sent.phones


def test_killed_before_its_end_is_recorded_leaves_nobody_in_doubt(campaign: Callable[..., CampaignUnderTest]) -> None:
    sent = campaign()

    sent.send_until_killed(Step.ENDING, 1)

    assert sent.require_consistent_ledger().phones("accepted") == sent.phones
    assert sent.send() == DONE
    sent.require_settled_by_reports()
