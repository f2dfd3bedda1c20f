"""What the errors promise to those who catch them."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_rcs.api import errors

EVERY_ERROR = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]
REFUSALS = [kind for kind in EVERY_ERROR if issubclass(kind, errors.RcsRefusedError)]


@pytest.mark.parametrize("kind", EVERY_ERROR)
def test_every_error_can_be_caught_as_the_one_root(kind: Any) -> None:
    assert issubclass(kind, errors.RcsError)


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_means_that_nothing_was_sent(kind: Any) -> None:
    assert kind.nothing_sent


@pytest.mark.parametrize(
    "kind", [errors.RcsOutcomeUnknown, errors.RcsInDoubtError, errors.RcsFencedError, errors.RcsStoreUnavailable]
)
def test_where_something_may_have_been_sent_the_error_says_so(kind: Any) -> None:
    assert not kind.nothing_sent


@pytest.mark.parametrize("kind", [errors.RcsAuthError, errors.RcsCreditError, errors.RcsParameterError])
def test_a_refusal_that_will_be_repeated_is_not_worth_a_retry(kind: Any) -> None:
    assert not kind.retry_may_help


@pytest.mark.parametrize("kind", [errors.RcsRateLimited, errors.RcsUnavailable])
def test_a_refusal_that_passes_by_itself_is_worth_a_retry(kind: Any) -> None:
    assert kind.retry_may_help


def test_an_outcome_that_is_unknown_is_never_worth_a_retry() -> None:
    assert not errors.RcsOutcomeUnknown.retry_may_help


def test_an_input_error_says_what_is_wrong_and_what_to_do() -> None:
    error = errors.RcsInputError("phone", "there is no column 'mobile'", "The columns are 'id', 'phone'.")

    assert str(error) == "phone: there is no column 'mobile'. The columns are 'id', 'phone'."
    assert error.field == "phone"


def test_a_rate_limit_says_how_long_to_wait_where_the_service_did() -> None:
    assert errors.RcsRateLimited("too many requests", retry_after=7.5).retry_after == 7.5
