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
def test_a_process_that_slept_past_its_lease_claims_nothing_more(
    campaign: Callable[..., CampaignUnderTest], occurrence: int
) -> None:
    sent = campaign(200, max_in_flight=1)
    suspended = sent.start(suspended_at=(Step.AFTER_CLAIM, occurrence), lease=LEASE)
    sent.wait_until_claimed(occurrence)
    sent.wait_until_leases_have_run_out()
    sent.send_until_killed(Step.DISPATCHING, 1)
    assert sent.ledger().phones("planned")

    suspended.wake()

    assert sent.wait_for_end(suspended) == "RcsFencedError"
    assert sent.requests_by_attempt()[1] == occurrence
    sent.require_consistent_ledger()
    assert sent.require_settled_by_reports().phones("accepted") == sent.phones


@pytest.mark.parametrize("occurrence", OCCURRENCES)
def test_a_process_that_slept_while_another_finished_sends_nothing_twice(
    campaign: Callable[..., CampaignUnderTest], occurrence: int
) -> None:
    sent = campaign(200, max_in_flight=1)
    suspended = sent.start(suspended_at=(Step.AFTER_DISPATCHING, occurrence), lease=LEASE)
    sent.wait_until_dispatched(occurrence)

    in_doubt = sent.send_until_none_is_planned()
    suspended.wake()

    # The request that was dispatched before the suspension leaves late, and its own reply settles it.
    assert in_doubt > 0
    assert sent.wait_for_end(suspended) == "RcsFencedError"
    assert sent.require_consistent_ledger().phones("accepted") == sent.phones
    assert sent.send() == DONE
    sent.require_settled_by_reports()
