"""The cache of look-ups of a process."""

from __future__ import annotations

from itertools import count

import pytest

from airflow_provider_rcs.api.errors import RcsUnavailable
from airflow_provider_rcs.hooks.lookup_cache import LookupCache


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cache(clock: Clock) -> LookupCache:
    return LookupCache(300, clock)


def unexpected_look_up() -> int:
    raise AssertionError("the result is cached, and was looked up again")


def test_a_cached_result_is_returned_without_another_look_up(cache: LookupCache) -> None:
    cache.cached("question", lambda: 1)

    assert cache.cached("question", unexpected_look_up) == 1


def test_an_expired_result_is_looked_up_again(cache: LookupCache, clock: Clock) -> None:
    cache.cached("question", lambda: 1)
    clock.now += 300

    assert cache.cached("question", lambda: 2) == 2


def test_a_fresh_look_up_replaces_the_cached_result(cache: LookupCache) -> None:
    numbers = count()
    cache.cached("question", lambda: next(numbers))

    assert cache.cached("question", lambda: next(numbers), fresh=True) == 1
    assert cache.cached("question", unexpected_look_up) == 1


def test_the_result_of_another_look_up_is_not_returned(cache: LookupCache) -> None:
    cache.cached("question", lambda: 1)

    assert cache.cached("another", lambda: 2) == 2


def test_errors_are_not_cached(cache: LookupCache) -> None:
    def fail() -> int:
        raise RcsUnavailable("away")

    with pytest.raises(RcsUnavailable):
        cache.cached("question", fail)

    assert cache.cached("question", lambda: 1) == 1


def test_a_cleared_cache_has_no_results(cache: LookupCache) -> None:
    cache.cached("question", lambda: 1)

    cache.clear()

    assert cache.cached("question", lambda: 2) == 2
