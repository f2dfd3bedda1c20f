from __future__ import annotations

import pytest

from airflow_provider_rcs.receiver import failures
from airflow_provider_rcs.receiver.failures import FailureLimit
from tests.unit.receiver.clock import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(failures, "time", clock)
    return clock


def fail(limit: FailureLimit, address: str, times: int) -> None:
    for _ in range(times):
        limit.failed(address)


def test_twenty_failures_within_a_minute_shut_an_address_out_until_the_minute_is_over(clock: Clock) -> None:
    limit = FailureLimit()
    fail(limit, "a", 19)
    assert not limit.is_over("a")

    fail(limit, "a", 1)
    assert (limit.is_over("a"), limit.is_over("b")) == (True, False)

    clock.now += 61
    assert not limit.is_over("a")


def test_failures_that_are_far_apart_shut_nobody_out(clock: Clock) -> None:
    limit = FailureLimit()

    for _ in range(100):
        limit.failed("a")
        clock.now += 4

    assert not limit.is_over("a")


def test_an_address_that_gave_the_right_password_lately_is_not_shut_out(clock: Clock) -> None:
    limit = FailureLimit()
    limit.succeeded("a")

    fail(limit, "a", 100)
    assert not limit.is_over("a")

    clock.now += 25 * 3600
    fail(limit, "a", 20)
    assert limit.is_over("a")


def test_it_remembers_a_bounded_number_of_addresses(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failures, "_MOST_ADDRESSES", 3)
    limit = FailureLimit()

    for address in "abcde":
        limit.succeeded(address)
        fail(limit, address, 20)

    assert len(limit._failures) == len(limit._known) == 3
