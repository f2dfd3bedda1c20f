"""The provider's errors as Airflow's: its retries follow what each error says of itself."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from airflow_provider_rcs.api import errors
from airflow_provider_rcs.hooks.airflow_errors import airflow_exceptions, describe_error

EVERY_ERROR = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]


def raised(kind: Any) -> errors.RcsError:
    error: errors.RcsError = kind("host", "no URL", "Mend it.") if kind is errors.RcsInputError else kind("it failed")
    return error


@pytest.mark.parametrize("kind", EVERY_ERROR)
def test_what_a_retry_cannot_help_fails_the_task_at_once_and_what_it_may_help_is_retried(kind: Any) -> None:
    with pytest.raises(AirflowException) as describe_error, airflow_exceptions():
        raise raised(kind)

    assert isinstance(describe_error.value, AirflowFailException) is not kind.retry_may_help
    assert str(describe_error.value).startswith(f"{kind.__name__}: ")


def test_notes_on_an_error_are_told_too() -> None:
    error = errors.RcsUnavailable("away")
    error.add_note("Campaign 'spring' stopped: 3 planned.")

    with pytest.raises(AirflowException, match="(?s)away.*Campaign 'spring' stopped"), airflow_exceptions():
        raise error


def test_errors_of_others_are_left_alone() -> None:
    with pytest.raises(KeyError), airflow_exceptions():
        raise KeyError("a mistake of ours")


def test_of_the_errors_of_others_no_digit_is_told_and_nothing_after_the_first_line() -> None:
    quoting = ValueError("no such phone: 34600000001\nDETAIL: Ana")

    assert describe_error(quoting) == "ValueError: no such phone: ***********"
