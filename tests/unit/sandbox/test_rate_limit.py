"""No stretch of a second lets more requests pass than it may."""

from __future__ import annotations

from airflow_provider_rcs.sandbox.rate_limit import RateLimit


def test_what_is_too_many_in_a_second_is_not_admitted() -> None:
    times = iter([0.0, 0.6, 0.9, 1.1, 1.2, 1.7])
    limit = RateLimit(2, clock=lambda: next(times))

    assert [limit.admits() for _ in range(6)] == [True, True, False, True, False, True]


def test_no_limit_admits_everything() -> None:
    limit = RateLimit(None)

    assert all(limit.admits() for _ in range(1_000))
