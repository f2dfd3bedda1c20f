from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from tests.chaos.campaigns import CampaignUnderTest, Ledger
from tests.chaos.sender import DONE, KILLED, SHORT_LEASE
from tests.chaos.sizes import sized

KILLS_OF_EACH_SEED = sized(6, 55)
SEEDS = sized([20261], [20261, 20262])
PEOPLE = 240
BATCH_SIZE = 8


# Each kill is a process that starts: some seconds on a slow machine.
@pytest.mark.timeout(sized(300, 1_800))
@pytest.mark.parametrize("seed", SEEDS)
def test_killed_repeatedly_at_random_moments(
    campaign: Callable[..., CampaignUnderTest], note: Callable[[str], None], seed: int
) -> None:
    chance = random.Random(seed)
    duration = duration_of_a_run(campaign(PEOPLE, batch_size=BATCH_SIZE))
    kills: Counter[str] = Counter()
    while kills.total() < KILLS_OF_EACH_SEED:
        sent = campaign(PEOPLE, batch_size=BATCH_SIZE, lease=SHORT_LEASE)
        for moment in moments(chance, duration):
            if not is_killed_after(sent, moment):
                break
            kills[progress(sent.require_consistent_ledger())] += 1
        sent.require_settled_by_reports()
    note(f"{kills.total()} kills within {duration:.2f} s each: {', '.join(f'{n} {when}' for when, n in kills.items())}")


def duration_of_a_run(sent: CampaignUnderTest) -> float:
    process = sent.prepare()
    begun = time.monotonic()
    assert process.begin().end() == DONE
    duration = time.monotonic() - begun
    sent.require_settled_by_reports()
    return duration


def moments(chance: random.Random, duration: float) -> Iterator[float]:
    """Yield moments within a run; the first are early, so that a campaign needs several runs."""
    for share in (0.5, 0.7, 0.9):
        yield chance.uniform(0, duration * share)
    while True:
        yield chance.uniform(0, duration)


def is_killed_after(sent: CampaignUnderTest, seconds: float) -> bool:
    """Begin a run and kill it after ``seconds``; return ``False`` if it had ended before."""
    process = sent.start()
    if not process.ends_within(seconds):
        process.kill()
    return sent.wait_for_end(process) == KILLED


def progress(ledger: Ledger) -> str:
    if ledger.phones("sending"):
        return "with requests in flight"
    if ledger.phones("accepted", "in_doubt"):
        return "between requests"
    return "before the first request"
