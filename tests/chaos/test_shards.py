from __future__ import annotations

from collections.abc import Callable

import pytest

from airflow_provider_rcs.api.models import shards
from tests.chaos.campaigns import IN_DOUBT, CampaignUnderTest
from tests.chaos.sender import DONE, KILLED, SHORT_LEASE
from tests.chaos.sizes import sized
from tests.chaos.steps import Step


@pytest.mark.parametrize("occurrence", sized([2], [1, 2, 3]))
def test_four_shards_at_once_one_of_them_killed_and_retried_send_to_each_recipient_once(
    campaign: Callable[..., CampaignUnderTest], occurrence: int
) -> None:
    sent = campaign(sized(160, 400), batch_size=10)
    killed, *others = shards(4)
    # Not so short that a busy machine takes it from a process that has not listed its shard yet.
    lease = 6 * SHORT_LEASE
    ready = [sent.ready(shard=killed, lease=lease, max_in_flight=1, dies_at=(Step.ACCEPTED, occurrence))]
    ready += [sent.ready(shard=shard) for shard in others]

    endings = [sent.ended(process) for process in [process.begin() for process in ready]]
    assert endings == [KILLED, DONE, DONE, DONE]
    left_to_the_killed = sent.require_true_books().phones("planned")
    retried = sent.send(shard=killed)

    assert left_to_the_killed
    assert retried == IN_DOUBT
    assert not sent.require_true_books().phones("planned", "sending")
    assert sent.require_settled_by_reports().phones("accepted") == sent.phones
