"""The rate limit of the API's calls."""

from __future__ import annotations

from airflow_provider_rcs.sandbox.calls import RateLimit


def test_requests_above_the_limit_within_one_second_are_not_admitted() -> None:
    times = iter([0.0, 0.6, 0.9, 1.1, 1.2, 1.7])
    limit = RateLimit(2, clock=lambda: next(times))

    assert [limit.admits() for _ in range(6)] == [True, True, False, True, False, True]


def test_without_a_limit_every_request_is_admitted() -> None:
    limit = RateLimit(None)

    assert all(limit.admits() for _ in range(1_000))
