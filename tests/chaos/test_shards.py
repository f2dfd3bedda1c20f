from __future__ import annotations

from collections.abc import Callable

import pytest

from airflow_provider_rcs.api.models import shards
from tests.chaos.campaigns import IN_DOUBT, CampaignUnderTest
from tests.chaos.sender import DONE, KILLED, SHORT_LEASE
from tests.chaos.sizes import sized
from tests.chaos.steps import Step


@pytest.mark.parametrize("occurrence", sized([2], [1, 2, 3]))
def test_four_concurrent_shards_one_killed_then_retried_send_to_each_recipient_once(
    campaign: Callable[..., CampaignUnderTest], occurrence: int
) -> None:
    sent = campaign(sized(160, 400), batch_size=10)
    killed, *others = shards(4)
    # Long enough that on a busy machine a process does not lose it before it has listed its shard.
    lease = 6 * SHORT_LEASE
    prepared = [sent.prepare(shard=killed, lease=lease, max_in_flight=1, killed_at=(Step.ACCEPTED, occurrence))]
    prepared += [sent.prepare(shard=shard) for shard in others]

    endings = [sent.wait_for_end(process) for process in [process.begin() for process in prepared]]
    assert endings == [KILLED, DONE, DONE, DONE]
    planned_by_killed = sent.require_consistent_ledger().phones("planned")
    retried = sent.send(shard=killed)

    assert planned_by_killed
    assert retried == IN_DOUBT
    assert not sent.require_consistent_ledger().phones("planned", "sending")
    assert sent.require_settled_by_reports().phones("accepted") == sent.phones
