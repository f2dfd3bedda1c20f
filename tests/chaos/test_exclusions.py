"""Attempts that are killed while they exclude recipients: no excluded phone gets a message."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.chaos.campaigns import CampaignUnderTest
from tests.chaos.sizes import sized
from tests.chaos.steps import Step

# In both parts of the list, and in the first and in later requests.
EXCLUDED = tuple(f"+346{number:08d}" for number in (0, 3, 19, 20, 41, 75, 99))
STEPS = [Step.PLANNING, Step.AFTER_CLAIM, Step.DISPATCHING, Step.ACCEPTED, Step.SETTLING]


def messaged(sent: CampaignUnderTest) -> set[str]:
    return set(sent.messages(sent.ledger().token))


@pytest.mark.parametrize("occurrence", [1, 2])
@pytest.mark.parametrize("step", sized(STEPS[:2], STEPS))
def test_an_attempt_that_is_killed_then_retried_messages_no_excluded_phone(
    campaign: Callable[..., CampaignUnderTest], step: Step, occurrence: int
) -> None:
    sent = campaign(excluded=EXCLUDED)

    sent.send_until_killed(step, occurrence)
    assert messaged(sent).isdisjoint(EXCLUDED)
    sent.send_until_none_is_planned()

    assert messaged(sent).isdisjoint(EXCLUDED)
    assert sent.ledger().phones("suppressed") == set(EXCLUDED)


@pytest.mark.parametrize("step", [Step.PLANNING, Step.AFTER_CLAIM])
def test_phones_that_an_attempt_has_planned_or_claimed_are_excluded_by_its_retry(
    campaign: Callable[..., CampaignUnderTest], step: Step
) -> None:
    sent = campaign()
    sent.send_until_killed(step, 2 if step == Step.PLANNING else 1)

    sent.exclude(EXCLUDED)
    sent.send_until_killed(Step.EXCLUDING, 1)
    sent.send_until_none_is_planned()

    assert messaged(sent).isdisjoint(EXCLUDED)


def test_a_dispatch_that_is_killed_while_it_excludes_is_repeated(campaign: Callable[..., CampaignUnderTest]) -> None:
    scheduled = campaign(dispatches=True, excluded=EXCLUDED)
    scheduled.schedule()

    scheduled.send_until_killed(Step.EXCLUDING, 1)
    assert scheduled.ledger().phones("planned") == scheduled.phones
    scheduled.send_until_none_is_planned()

    assert messaged(scheduled) == scheduled.phones - set(EXCLUDED)
