"""Look-ups are tried again where that may help, and as often and as late as is polite."""

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

AWAY = RcsUnavailable("away")


class Service:
    """Answers with these errors first, and then with ``"answer"``; nobody really waits for it."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)
        self.asked = 0
        self.pauses: list[float] = []

    def ask(self) -> str:
        self.asked += 1
        if self._errors:
            raise self._errors.pop(0)
        return "answer"

    def patiently(self) -> str:
        return retry_look_up(self.ask, self.pauses.append)


def test_an_answer_is_not_asked_for_twice() -> None:
    service = Service()

    assert service.patiently() == "answer"
    assert service.asked == 1


@pytest.mark.parametrize("failures", range(1, ATTEMPTS))
def test_what_may_pass_is_tried_again(failures: int) -> None:
    service = Service(*[AWAY] * failures)

    assert service.patiently() == "answer"
    assert service.asked == failures + 1


def test_after_three_tries_the_last_error_is_told() -> None:
    last = RcsRateLimited("too many")
    service = Service(AWAY, AWAY, last, AWAY)

    with pytest.raises(RcsRateLimited) as told:
        service.patiently()

    assert told.value is last
    assert service.asked == ATTEMPTS == 3


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
def test_what_cannot_pass_by_itself_is_asked_once(error: Exception) -> None:
    service = Service(error)

    with pytest.raises(type(error)):
        service.patiently()

    assert service.asked == 1


def test_pauses_vary_so_that_many_who_failed_together_do_not_come_back_together() -> None:
    pauses = []
    for _ in range(20):
        service = Service(AWAY)
        service.patiently()
        pauses += service.pauses

    assert len(set(pauses)) > 1
    assert all(0 <= pause <= 0.5 for pause in pauses)


@pytest.mark.parametrize("seconds", [1.5, 30, LONGEST_WAIT_SECONDS])
def test_the_pause_that_the_service_asks_for_is_kept(seconds: float) -> None:
    service = Service(RcsRateLimited("too many", seconds))

    service.patiently()

    assert service.pauses == [seconds]


def test_a_service_that_asks_for_a_longer_pause_is_left_in_peace() -> None:
    service = Service(RcsRateLimited("too many", LONGEST_WAIT_SECONDS + 1))

    with pytest.raises(RcsRateLimited):
        service.patiently()

    assert (service.asked, service.pauses) == (1, [])


def test_a_retry_is_logged_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    Service(AWAY).patiently()

    assert "retrying in" in caplog.text
    assert "away" in caplog.text
