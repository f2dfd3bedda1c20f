from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from tests.chaos.campaigns import Books, CampaignUnderTest
from tests.chaos.sender import DONE, KILLED, SHORT_LEASE
from tests.chaos.sizes import sized

KILLS_OF_EACH_SEED = sized(6, 55)
SEEDS = sized([20261], [20261, 20262])
PEOPLE = 240
BATCH_SIZE = 8


@pytest.mark.parametrize("seed", SEEDS)
def test_killed_at_random_moments_again_and_again(
    campaign: Callable[..., CampaignUnderTest], note: Callable[[str], None], seed: int
) -> None:
    chance = random.Random(seed)
    length = length_of_a_whole_run(campaign(PEOPLE, batch_size=BATCH_SIZE))
    kills: Counter[str] = Counter()
    while kills.total() < KILLS_OF_EACH_SEED:
        sent = campaign(PEOPLE, batch_size=BATCH_SIZE, lease=SHORT_LEASE)
        for moment in moments(chance, length):
            if not killed_after(sent, moment):
                break
            kills[how_far_it_was(sent.require_true_books())] += 1
        sent.require_settled_by_reports()
    note(f"{kills.total()} kills within {length:.2f} s each: {', '.join(f'{n} {when}' for when, n in kills.items())}")


def length_of_a_whole_run(sent: CampaignUnderTest) -> float:
    process = sent.ready()
    begun = time.monotonic()
    assert process.begin().end() == DONE
    length = time.monotonic() - begun
    sent.require_settled_by_reports()
    return length


def moments(chance: random.Random, length: float) -> Iterator[float]:
    """Moments all over a run; those that come first in a campaign are early, so that it takes several to its end."""
    for share in (0.5, 0.7, 0.9):
        yield chance.uniform(0, length * share)
    while True:
        yield chance.uniform(0, length)


def killed_after(sent: CampaignUnderTest, seconds: float) -> bool:
    """Begin a run, and kill it after a while; ``False`` if it had ended before."""
    process = sent.start()
    if not process.ends_within(seconds):
        process.kill()
    return sent.ended(process) == KILLED


def how_far_it_was(books: Books) -> str:
    if books.phones("sending"):
        return "with requests under way"
    if books.phones("accepted", "in_doubt"):
        return "between requests"
    return "before the first request"
