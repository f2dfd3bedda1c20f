"""Campaigns that a dispatch sends: killed on the way, and more than one at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.chaos.campaigns import CampaignUnderTest
from tests.chaos.sender import DONE
from tests.chaos.sizes import sized
from tests.chaos.steps import Step


@pytest.fixture
def kept(campaign: Callable[..., CampaignUnderTest]) -> CampaignUnderTest:
    kept = campaign(dispatches=True)
    kept.keep()
    assert kept.require_true_books().phones("planned") == kept.phones
    return kept


SOME = [(Step.TAKING_OVER, 1), (Step.CLAIMING, 3), (Step.ACCEPTED, 2)]
ALL = [*SOME, (Step.BEFORE_CLAIM, 1), (Step.AFTER_CLAIM, 2), (Step.SETTLING, 4), (Step.ENDING, 1)]


@pytest.mark.parametrize(("step", "occurrence"), sized(SOME, ALL))
def test_a_dispatch_that_is_killed_and_retried_sends_to_each_recipient_once(
    kept: CampaignUnderTest, step: Step, occurrence: int
) -> None:
    kept.send_and_die(step, occurrence)
    assert kept.require_true_books().listed == kept.listed

    assert kept.require_settled_by_reports().phones("accepted", "in_doubt") == kept.phones


def test_dispatches_at_once_send_to_each_recipient_once(kept: CampaignUnderTest) -> None:
    ready = [kept.ready() for _ in range(3)]

    endings = [kept.ended(process) for process in [each.begin() for each in ready]]

    assert endings == [DONE] * 3
    assert kept.require_true_books().phones("accepted") == kept.phones
    assert kept.require_settled_by_reports().phones("accepted") == kept.phones
