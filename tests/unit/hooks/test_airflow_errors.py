"""The provider's errors as Airflow's exceptions."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException

from airflow_provider_rcs.api import errors
from airflow_provider_rcs.hooks.airflow_errors import airflow_exceptions, describe_error

EVERY_ERROR = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)]


def example_of(kind: Any) -> errors.RcsError:
    error: errors.RcsError = kind("host", "no URL", "Mend it.") if kind is errors.RcsInputError else kind("it failed")
    return error


@pytest.mark.parametrize("kind", EVERY_ERROR)
def test_only_errors_that_a_retry_may_fix_are_retried(kind: Any) -> None:
    with pytest.raises(AirflowException) as raised, airflow_exceptions():
        raise example_of(kind)

    assert isinstance(raised.value, AirflowFailException) is not kind.retry_may_help
    assert str(raised.value).startswith(f"{kind.__name__}: ")


def test_the_exception_includes_the_notes_of_the_error() -> None:
    error = errors.RcsUnavailable("away")
    error.add_note("Campaign 'spring' stopped: 3 planned.")

    with pytest.raises(AirflowException, match="(?s)away.*Campaign 'spring' stopped"), airflow_exceptions():
        raise error


def test_other_errors_are_raised_unchanged() -> None:
    with pytest.raises(KeyError), airflow_exceptions():
        raise KeyError("a mistake of ours")


def test_other_errors_are_described_by_their_first_line_without_digits() -> None:
    quoting = ValueError("no such phone: 34600000001\nDETAIL: Ana")

    assert describe_error(quoting) == "ValueError: no such phone: ***********"
