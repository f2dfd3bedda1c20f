from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.chaos.campaigns import CampaignUnderTest
from tests.chaos.sender import DONE
from tests.chaos.sizes import sized
from tests.chaos.steps import Step

LEASE = 1.0
OCCURRENCES = sized([4], [1, 2, 4, 6])


@pytest.mark.parametrize("occurrence", OCCURRENCES)
def test_who_slept_beyond_its_lease_claims_nothing_more_though_much_is_planned(
    campaign: Callable[..., CampaignUnderTest], occurrence: int
) -> None:
    sent = campaign(200, max_in_flight=1)
    asleep = sent.start(sleeps_at=(Step.AFTER_CLAIM, occurrence), lease=LEASE)
    sent.wait_until_it_has_claimed(occurrence)
    sent.wait_until_leases_have_run_out()
    sent.send_and_die(Step.DISPATCHING, 1)
    assert sent.books().phones("planned")

    asleep.wake()

    assert sent.ended(asleep) == "RcsFencedError"
    assert sent.requests_by_attempt()[1] == occurrence
    sent.require_true_books()
    assert sent.require_settled_by_reports().phones("accepted") == sent.phones


@pytest.mark.parametrize("occurrence", OCCURRENCES)
def test_who_slept_while_another_finished_wakes_and_sends_nobody_twice(
    campaign: Callable[..., CampaignUnderTest], occurrence: int
) -> None:
    sent = campaign(200, max_in_flight=1)
    asleep = sent.start(sleeps_at=(Step.AFTER_DISPATCHING, occurrence), lease=LEASE)
    sent.wait_until_it_has_let_leave(occurrence)

    in_doubt = sent.send_until_nobody_is_left()
    asleep.wake()

    # What was let leave before it fell asleep leaves late, and is settled by its own reply.
    assert in_doubt > 0
    assert sent.ended(asleep) == "RcsFencedError"
    assert sent.require_true_books().phones("accepted") == sent.phones
    assert sent.send() == DONE
    sent.require_settled_by_reports()
