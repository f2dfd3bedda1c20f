"""Retries of look-ups: which errors, how often, and after which pauses."""

from __future__ import annotations

import pytest

from airflow_provider_rcs.api.errors import (
    RcsAuthError,
    RcsCreditError,
    RcsInputError,
    RcsOutcomeUnknown,
    RcsParameterError,
    RcsRateLimited,
    RcsUnavailable,
)
from airflow_provider_rcs.hooks.retrying import ATTEMPTS, LONGEST_WAIT_SECONDS, retry_look_up

UNAVAILABLE = RcsUnavailable("away")


class Service:
    """Raise these errors first, then return ``"answer"``; pauses are recorded instead of waited for."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)
        self.calls = 0
        self.pauses: list[float] = []

    def ask(self) -> str:
        self.calls += 1
        if self._errors:
            raise self._errors.pop(0)
        return "answer"

    def look_up_with_retries(self) -> str:
        return retry_look_up(self.ask, self.pauses.append)


def test_a_successful_look_up_is_made_once() -> None:
    service = Service()

    assert service.look_up_with_retries() == "answer"
    assert service.calls == 1


@pytest.mark.parametrize("failures", range(1, ATTEMPTS))
def test_errors_that_a_retry_may_fix_are_retried(failures: int) -> None:
    service = Service(*[UNAVAILABLE] * failures)

    assert service.look_up_with_retries() == "answer"
    assert service.calls == failures + 1


def test_after_three_attempts_the_last_error_is_raised() -> None:
    last = RcsRateLimited("too many")
    service = Service(UNAVAILABLE, UNAVAILABLE, last, UNAVAILABLE)

    with pytest.raises(RcsRateLimited) as raised:
        service.look_up_with_retries()

    assert raised.value is last
    assert service.calls == ATTEMPTS == 3


@pytest.mark.parametrize(
    "error",
    [
        RcsAuthError("wrong"),
        RcsCreditError("poor"),
        RcsParameterError("what"),
        RcsInputError("host", "no", "Mend it."),
        RcsOutcomeUnknown("lost"),
        ValueError("a mistake of ours"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_that_a_retry_cannot_fix_are_not_retried(error: Exception) -> None:
    service = Service(error)

    with pytest.raises(type(error)):
        service.look_up_with_retries()

    assert service.calls == 1


def test_pauses_are_random_so_that_clients_do_not_retry_together() -> None:
    pauses = []
    for _ in range(20):
        service = Service(UNAVAILABLE)
        service.look_up_with_retries()
        pauses += service.pauses

    assert len(set(pauses)) > 1
    assert all(0 <= pause <= 0.5 for pause in pauses)


@pytest.mark.parametrize("seconds", [1.5, 30, LONGEST_WAIT_SECONDS])
def test_the_pause_that_the_service_asks_for_is_respected(seconds: float) -> None:
    service = Service(RcsRateLimited("too many", seconds))

    service.look_up_with_retries()

    assert service.pauses == [seconds]


def test_a_pause_longer_than_the_limit_is_not_waited_for() -> None:
    service = Service(RcsRateLimited("too many", LONGEST_WAIT_SECONDS + 1))

    with pytest.raises(RcsRateLimited):
        service.look_up_with_retries()

    assert (service.calls, service.pauses) == (1, [])


def test_a_retry_is_logged_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    Service(UNAVAILABLE).look_up_with_retries()

    assert "retrying in" in caplog.text
    assert "away" in caplog.text
