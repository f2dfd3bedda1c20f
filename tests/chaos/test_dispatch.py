"""Campaigns that a dispatch sends, with dispatches that are killed or run concurrently."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.chaos.campaigns import CampaignUnderTest
from tests.chaos.sender import DONE
from tests.chaos.sizes import sized
from tests.chaos.steps import Step


@pytest.fixture
def scheduled(campaign: Callable[..., CampaignUnderTest]) -> CampaignUnderTest:
    scheduled = campaign(dispatches=True)
    scheduled.schedule()
    assert scheduled.require_consistent_ledger().phones("planned") == scheduled.phones
    return scheduled


SOME = [(Step.TAKING_OVER, 1), (Step.CLAIMING, 3), (Step.ACCEPTED, 2)]
# Several replies may be settled together, except the first: only two settlements are certain.
ALL = [*SOME, (Step.BEFORE_CLAIM, 1), (Step.AFTER_CLAIM, 2), (Step.SETTLING, 2), (Step.ENDING, 1)]


@pytest.mark.parametrize(("step", "occurrence"), sized(SOME, ALL))
def test_a_dispatch_that_is_killed_then_retried_sends_to_each_recipient_once(
    scheduled: CampaignUnderTest, step: Step, occurrence: int
) -> None:
    scheduled.send_until_killed(step, occurrence)
    assert scheduled.require_consistent_ledger().listed == scheduled.listed

    assert scheduled.require_settled_by_reports().phones("accepted", "in_doubt") == scheduled.phones


def test_concurrent_dispatches_send_to_each_recipient_once(scheduled: CampaignUnderTest) -> None:
    prepared = [scheduled.prepare() for _ in range(3)]

    endings = [scheduled.wait_for_end(process) for process in [each.begin() for each in prepared]]

    assert endings == [DONE] * 3
    assert scheduled.require_consistent_ledger().phones("accepted") == scheduled.phones
    assert scheduled.require_settled_by_reports().phones("accepted") == scheduled.phones
