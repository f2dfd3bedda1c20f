from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from tests.chaos.campaigns import CampaignUnderTest
from tests.chaos.sender import DONE, KILLED, SHORT_LEASE, Sender
from tests.chaos.sizes import sized


@pytest.mark.parametrize("repetition", range(sized(1, 5)))
@pytest.mark.parametrize("processes", [2, 8])
def test_processes_that_send_the_same_campaign_concurrently_send_to_each_recipient_once(
    campaign: Callable[..., CampaignUnderTest], processes: int, repetition: int
) -> None:
    sent = campaign(sized(120, 240), batch_size=10)
    prepared = [sent.prepare() for _ in range(processes)]

    endings = [sent.wait_for_end(process) for process in begin_all(prepared)]

    assert endings == [DONE] * processes
    assert sent.require_consistent_ledger().phones("accepted") == sent.phones
    assert sent.require_settled_by_reports().phones("accepted") == sent.phones


@pytest.mark.parametrize("repetition", range(sized(1, 5)))
def test_half_of_eight_processes_are_killed_while_the_others_continue(
    campaign: Callable[..., CampaignUnderTest], repetition: int
) -> None:
    sent = campaign(sized(120, 240), batch_size=10, lease=SHORT_LEASE)
    prepared = [sent.prepare() for _ in range(8)]

    running = begin_all(prepared)
    running[0].ends_within(random.Random(repetition).uniform(0.2, 0.5))
    for process in running[::2]:
        process.kill()
    endings = [sent.wait_for_end(process) for process in running]

    assert KILLED in endings[::2]
    assert KILLED not in endings[1::2]
    sent.require_consistent_ledger()
    sent.require_settled_by_reports()


def begin_all(prepared: list[Sender]) -> list[Sender]:
    return [process.begin() for process in prepared]
