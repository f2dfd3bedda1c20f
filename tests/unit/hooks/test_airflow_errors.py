"""The provider's errors as Airflow's exceptions."""

from __future__ import annotations

import logging
import traceback
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, AirflowNotFoundException

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


def test_an_error_is_one_line_of_the_log_with_the_sentence_first(caplog: pytest.LogCaptureFixture) -> None:
    error = errors.RcsAuthError("the service refused the API Token. Check it.")
    error.add_note("(connection: rcs_default)")

    with pytest.raises(AirflowFailException) as raised, airflow_exceptions():
        raise error

    (record,) = caplog.records
    assert (record.levelno, record.exc_info) == (logging.ERROR, None)
    assert record.getMessage() == str(raised.value)
    assert record.getMessage().startswith(
        "RcsAuthError: the service refused the API Token. Check it. (connection: rcs_"
    )


def test_the_traceback_of_an_error_shows_neither_its_cause_nor_where_it_arose() -> None:
    def deep_inside() -> None:
        raise errors.RcsInputError("phone_column", "there is no column 'mobile'", "The columns are 'phone'.")

    with pytest.raises(AirflowFailException) as raised, airflow_exceptions():
        deep_inside()

    shown = "".join(traceback.format_exception(raised.value))
    assert "deep_inside" not in shown
    assert "another exception" not in shown
    assert "direct cause" not in shown
    assert isinstance(raised.value.__context__, errors.RcsInputError)


def test_a_connection_that_is_not_defined_is_one_line_too(caplog: pytest.LogCaptureFixture) -> None:
    not_found = AirflowNotFoundException("The conn_id `rcs` isn't defined")

    with pytest.raises(AirflowNotFoundException, match="isn't defined. Define it") as raised, airflow_exceptions():
        raise not_found

    assert raised.value is not not_found

    assert len(caplog.records) == 1


def test_other_errors_are_raised_unchanged_with_their_traceback(caplog: pytest.LogCaptureFixture) -> None:
    def a_bug_of_ours() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError) as raised, airflow_exceptions():
        a_bug_of_ours()

    assert "a_bug_of_ours" in "".join(traceback.format_exception(raised.value))
    assert caplog.records == []


def test_other_errors_are_described_by_their_first_line_without_digits() -> None:
    quoting = ValueError("no such phone: 34600000001\nDETAIL: Ana")

    assert describe_error(quoting) == "ValueError: no such phone: ***********"
