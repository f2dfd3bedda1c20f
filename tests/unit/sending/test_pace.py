"""The pace follows what the service allows, and never asks earlier than the service wants to be asked."""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_rcs.sending.pace import PATIENCE_SECONDS, Pace

START = 1_000.0


def proven(most: int = 8) -> Pace:
    """Return a pace after the first accepted request."""
    pace = Pace(most, chance=lambda: 0.0)
    pace.accepted(pace.leave(START), START)
    return pace


def accept_next(pace: Pace, requests: int = 1) -> None:
    for _ in range(requests):
        pace.accepted(pace.leave(pace.not_before), pace.not_before)


def refuse_next(pace: Pace, retry_after: float | None = None) -> None:
    now = max(pace.not_before, START)
    pace.limited(pace.leave(now), retry_after, now)


def test_one_request_is_in_flight_until_the_first_is_accepted_and_then_as_many_as_the_task_allows() -> None:
    pace = Pace(32)
    before = pace.width

    accept_next(pace)

    assert (before, pace.width) == (1, 32)


def test_before_the_first_reply_batches_are_claimed_for_the_wide_start() -> None:
    assert Pace(32).claims_ahead == 32


def test_a_burst_of_refusals_is_one() -> None:
    pace = proven()
    left = [pace.leave(START) for _ in range(8)]

    new = [pace.limited(refusals, None, START) for refusals in left]

    assert new == [True] + [False] * 7
    assert (pace.width, pace.not_before) == (1, START + 1)


def test_the_longest_pause_that_any_reply_of_a_burst_asks_for_is_kept() -> None:
    pace = proven()
    left = [pace.leave(START) for _ in range(3)]

    for refusals, seconds in zip(left, [2.0, 7.0, 5.0], strict=True):
        pace.limited(refusals, seconds, START)

    assert pace.not_before == START + 7


def test_the_pause_that_the_service_asks_for_wins_over_the_own_one() -> None:
    pace = proven()
    for _ in range(5):
        refuse_next(pace)
    now = pace.not_before

    pace.limited(pace.leave(now), 0.2, now)

    assert pace.not_before == now + 0.2


def test_without_a_pause_asked_for_each_refusal_in_a_row_doubles_it_up_to_a_minute() -> None:
    pace, pauses = Pace(8, chance=lambda: 0.0), []

    for _ in range(8):
        before = max(pace.not_before, START)
        refuse_next(pace)
        pauses.append(pace.not_before - before)

    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]


def test_own_pauses_differ_from_task_to_task() -> None:
    pauses = []
    for chance in (0.0, 0.5, 1.0):
        pace = Pace(8, chance=lambda chance=chance: chance)  # type: ignore[misc]
        refuse_next(pace)
        pauses.append(pace.not_before - START)

    assert pauses == [1.0, 1.25, 1.5]


def test_after_a_refusal_the_width_grows_by_one_for_each_round_of_accepted_requests() -> None:
    pace, widths = proven(most=4), []
    refuse_next(pace)

    for _ in range(12):
        widths.append(pace.width)
        accept_next(pace)

    assert widths == [1, 2, 2, 3, 3, 3, 4, 4, 4, 4, 4, 4]


def test_a_request_that_left_before_the_refusal_does_not_answer_for_the_probe() -> None:
    pace = proven()
    before = pace.leave(START)
    refuse_next(pace)

    pace.accepted(before, START)

    assert pace.width == 1


def test_a_refused_first_request_does_not_prove_the_credentials() -> None:
    pace = Pace(8)

    refuse_next(pace)

    assert pace.width == pace.claims_ahead == 1


def test_after_a_refusal_requests_leave_as_fast_as_they_were_accepted_before_it() -> None:
    pace = proven()
    refuse_next(pace, 5.0)
    for second in range(5, 11):
        pace.accepted(pace.leave(START + second), START + second)
    pace.limited(pace.leave(START + 12), 2.0, START + 12)

    pace.leave(START + 14)

    assert pace.not_before == START + 16
    assert pace.most_at_once == 1


def test_each_accepted_request_lets_the_next_one_leave_a_little_sooner() -> None:
    pace = proven()
    refuse_next(pace, 5.0)
    accept_next(pace)
    refuse_next(pace, 5.0)
    gaps = []

    for _ in range(50):
        before = pace.not_before
        accept_next(pace)
        gaps.append(pace.not_before - before)

    assert gaps == sorted(gaps, reverse=True)
    assert gaps[0] == 5
    assert gaps[-1] < 1


def test_a_long_pause_that_the_service_asked_for_once_does_not_last() -> None:
    pace = proven()
    refuse_next(pace, 800.0)
    accept_next(pace)
    refuse_next(pace, 1.0)
    now = pace.not_before

    accept_next(pace)

    assert pace.not_before == pytest.approx(now + 60)


def test_the_first_refusal_does_not_slow_down_what_follows_it() -> None:
    pace = proven()
    refuse_next(pace, 5.0)

    pace.leave(START + 5)

    assert pace.not_before == START + 5
    assert pace.most_at_once == 8


def test_a_failure_pauses_the_requests_and_leaves_their_number() -> None:
    pace = proven()

    pace.pause(2.0, START)

    assert (pace.not_before, pace.width) == (START + 2, 8)


def test_a_longer_pause_than_the_patience_of_an_attempt_ends_it() -> None:
    patient, impatient = proven(), proven()

    refuse_next(patient, PATIENCE_SECONDS)
    refuse_next(impatient, PATIENCE_SECONDS + 1)

    assert (patient.is_out_of_patience, impatient.is_out_of_patience) == (False, True)


@pytest.mark.parametrize("retry_after", [None, 60.0], ids=["own pauses", "a minute asked for"])
def test_refusals_without_an_accepted_request_end_the_attempt_within_its_patience(retry_after: float | None) -> None:
    pace = proven()
    for _ in count():
        refuse_next(pace, retry_after)
        if pace.is_out_of_patience:
            break

    assert START + PATIENCE_SECONDS < pace.not_before <= START + PATIENCE_SECONDS + 60


def test_an_accepted_request_renews_the_patience() -> None:
    pace = proven()

    for _ in range(100):
        refuse_next(pace, 600.0)
        assert not pace.is_out_of_patience
        accept_next(pace)


@dataclass
class LimitedService:
    """A service that takes some requests in any second, and answers after a while.

    :param waits: what its 429s ask to wait, one after the other; then nothing.
    """

    per_second: int
    latency: float
    waits: list[float | None] = field(default_factory=list)
    taken: deque[float] = field(default_factory=deque)

    def takes(self, now: float) -> bool:
        while self.taken and self.taken[0] <= now - 1:
            self.taken.popleft()
        if len(self.taken) >= self.per_second:
            return False
        self.taken.append(now)
        return True


@dataclass
class Run:
    """What a run of a pace against a service has shown."""

    seconds: float = 0.0
    accepted: int = 0
    refused: int = 0


def run(service: LimitedService, requests: int, most: int) -> Run:
    """Send requests at the pace; check at each moment what must hold at every one."""
    pace, shown, now, numbers = Pace(most, chance=lambda: 0.5), Run(), START, count()
    in_flight: list[tuple[float, int, int, bool]] = []
    asked_not_before, is_probing = 0.0, False
    while shown.accepted < requests:
        left = requests - shown.accepted - len(in_flight)
        while left and len(in_flight) < pace.width and pace.not_before <= now:
            assert now >= asked_not_before
            assert not (is_probing and in_flight)
            heapq.heappush(in_flight, (now + service.latency, next(numbers), pace.leave(now), service.takes(now)))
            left -= 1
        moments = [in_flight[0][0]] if in_flight else []
        if left and len(in_flight) < pace.width:
            moments.append(pace.not_before)
        now = min(moments)
        while in_flight and in_flight[0][0] <= now:
            _, _, refusals, is_accepted = heapq.heappop(in_flight)
            if is_accepted:
                pace.accepted(refusals, now)
                shown.accepted += 1
                is_probing = is_probing and pace.width == 1
            else:
                wait = service.waits.pop() if service.waits else None
                pace.limited(refusals, wait, now)
                asked_not_before = max(asked_not_before, now + (wait or 0))
                shown.refused += 1
                is_probing = True
            assert 1 <= pace.width <= most
            assert not pace.is_out_of_patience
    shown.seconds = now - START
    return shown


@given(
    per_second=st.integers(1, 30),
    latency=st.sampled_from([0.01, 0.1, 0.7, 3.0]),
    most=st.integers(1, 32),
    waits=st.lists(st.one_of(st.none(), st.floats(0, 20)), max_size=5),
)
def test_every_service_is_sent_the_whole_list_and_never_asked_too_early(
    per_second: int, latency: float, most: int, waits: list[float | None]
) -> None:
    shown = run(LimitedService(per_second, latency, waits), 60, most)

    assert shown.accepted == 60


@pytest.mark.parametrize("latency", [0.01, 0.3])
@pytest.mark.parametrize("per_second", [1, 2, 3, 20])
def test_most_of_what_a_limited_service_allows_is_used_with_few_refusals(per_second: int, latency: float) -> None:
    requests = 100 * per_second

    shown = run(LimitedService(per_second, latency), requests, most=8)

    assert requests / shown.seconds > 0.6 * per_second
    assert shown.refused < 0.3 * requests
