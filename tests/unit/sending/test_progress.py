from __future__ import annotations

import logging
from dataclasses import dataclass

import pytest

from airflow_provider_rcs.api.models import Outcome
from airflow_provider_rcs.api.statuses import MessageState
from airflow_provider_rcs.sending.progress import Progress, describe_rate, describe_seconds, saying_that_it_takes_long

ACCEPTED = Outcome("+34600000001", MessageState.ACCEPTED)


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def lines_of(caplog: pytest.LogCaptureFixture, messages: int, seconds: float) -> list[str]:
    """Return the lines of a send in a thousand requests that takes so long."""
    clock = Clock()
    progress = Progress("spring", messages, clock=clock)
    caplog.clear()
    with caplog.at_level(logging.INFO):
        for _ in range(1_000):
            clock.now += seconds / 1_000
            progress.settled([ACCEPTED] * (messages // 1_000))
    return caplog.messages


def test_a_line_comes_after_ten_seconds_and_at_each_quarter(caplog: pytest.LogCaptureFixture) -> None:
    assert lines_of(caplog, messages=50_000, seconds=1_000) == [
        "Campaign spring: 500 of 50,000 recipients processed: 500 accepted; 50 a second, about 16 min left.",
        "Campaign spring: 12,500 of 50,000 recipients processed: 12,500 accepted; 50 a second, about 12 min left.",
        "Campaign spring: 25,000 of 50,000 recipients processed: 25,000 accepted; 50 a second, about 8 min left.",
        "Campaign spring: 37,500 of 50,000 recipients processed: 37,500 accepted; 50 a second, about 4 min left.",
    ]


@pytest.mark.parametrize(
    ("seconds", "lines"), [(9, 0), (15, 1), (30, 2), (60, 4), (3_600, 4), (30 * 86_400, 4)], ids=str
)
def test_a_send_of_any_length_has_four_lines_at_most(
    caplog: pytest.LogCaptureFixture, seconds: float, lines: int
) -> None:
    assert len(lines_of(caplog, messages=5_000, seconds=seconds)) == lines


def test_the_rate_is_that_since_the_last_line(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    progress = Progress("spring", 1_000, clock=clock)

    with caplog.at_level(logging.INFO):
        clock.now = 10
        progress.settled([ACCEPTED] * 200)
        clock.now = 610
        progress.settled([ACCEPTED] * 100)

    assert caplog.messages == [
        "Campaign spring: 200 of 1,000 recipients processed: 200 accepted; 20 a second, about 40 s left.",
        "Campaign spring: 300 of 1,000 recipients processed: 300 accepted; 10 a minute, about 70 min left.",
    ]


def test_more_messages_than_were_planned_at_first_are_counted_with_those(caplog: pytest.LogCaptureFixture) -> None:
    progress = Progress("spring", 1)

    progress.settled([ACCEPTED, ACCEPTED])

    assert progress.describe() == "2 of 2 recipients processed: 2 accepted"


def test_the_end_has_duration_and_rate_and_a_retry_that_had_nothing_to_send_says_so() -> None:
    clock = Clock()
    progress = Progress("spring", 3_000, clock=clock)
    nothing = progress.describe_end()
    clock.now = 12
    progress.settled([ACCEPTED] * 3_000)

    assert nothing == "nothing was left to send"
    assert progress.describe_end() == "3,000 recipients processed in 12 s, 250 a second"


def test_a_list_that_takes_long_to_read_is_said_once() -> None:
    clock, said = Clock(), list[float]()

    for _ in saying_that_it_takes_long(range(10), lambda: said.append(clock.now), clock):
        clock.now += 4

    assert said == [12]


@pytest.mark.parametrize(
    ("count", "seconds", "text"),
    [
        (12_000, 10, "1,200 a second"),
        (95, 10, "9.5 a second"),
        (5, 10, "30 a minute"),
        (0, 10, "0 a minute"),
        (7, 0, "7,000 a second"),
    ],
)
def test_a_rate_is_described_in_the_unit_that_fits(count: int, seconds: float, text: str) -> None:
    assert describe_rate(count, seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.2, "0 s"), (119, "119 s"), (120, "2 min"), (7_140, "119 min"), (7_500, "2 h 5 min")]
)
def test_a_duration_is_described_in_the_unit_that_fits(seconds: float, text: str) -> None:
    assert describe_seconds(seconds) == text
