"""What each error promises to the code that catches it."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_rcs.api import errors

EVERY_ERROR = {kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, Exception)}

# Class, parent, nothing_sent, retry_may_help.
PROMISES = [
    (errors.RcsError, Exception, True, False),
    (errors.RcsInputError, errors.RcsError, True, False),
    (errors.RcsEmptyListError, errors.RcsInputError, True, False),
    (errors.RcsQueryError, errors.RcsError, True, True),
    (errors.RcsLandingError, errors.RcsError, True, True),
    (errors.RcsStoreError, errors.RcsError, True, False),
    (errors.RcsStoreUnavailable, errors.RcsStoreError, False, True),
    (errors.RcsRefusedDataError, errors.RcsStoreError, True, False),
    (errors.RcsWarehouseError, errors.RcsError, True, False),
    (errors.RcsWarehouseUnavailable, errors.RcsWarehouseError, True, True),
    (errors.RcsCampaignConflictError, errors.RcsError, True, False),
    (errors.RcsCancelledError, errors.RcsError, True, False),
    (errors.RcsPlanIncompleteError, errors.RcsError, True, True),
    (errors.RcsDispatchError, errors.RcsError, False, False),
    (errors.RcsInvalidRecipientsError, errors.RcsError, True, False),
    (errors.RcsPlanChangedError, errors.RcsError, True, False),
    (errors.RcsInDoubtError, errors.RcsError, False, True),
    (errors.RcsStoppedError, errors.RcsError, False, True),
    (errors.RcsTaskStoppedError, errors.RcsError, False, True),
    (errors.RcsFencedError, errors.RcsError, False, True),
    (errors.RcsInFlightError, errors.RcsError, True, True),
    (errors.RcsRefusedError, errors.RcsError, True, False),
    (errors.RcsAuthError, errors.RcsRefusedError, True, False),
    (errors.RcsCreditError, errors.RcsRefusedError, True, False),
    (errors.RcsParameterError, errors.RcsRefusedError, True, False),
    (errors.RcsNothingDoneError, errors.RcsRefusedError, True, False),
    (errors.RcsRateLimited, errors.RcsRefusedError, True, True),
    (errors.RcsUnavailable, errors.RcsRefusedError, True, True),
    (errors.RcsOutcomeUnknown, errors.RcsError, False, False),
    (errors.RcsNoReportsError, errors.RcsError, True, False),
    (errors.RcsTooManyFailuresError, errors.RcsError, True, False),
    (errors.RcsReportError, errors.RcsError, True, False),
]


@pytest.mark.parametrize(("kind", "parent", "nothing_sent", "retry_may_help"), PROMISES)
def test_every_error_says_if_nothing_was_sent_if_a_retry_may_help_and_what_to_do(
    kind: Any, parent: Any, nothing_sent: bool, retry_may_help: bool
) -> None:
    assert kind.__base__ is parent
    assert (kind.nothing_sent, kind.retry_may_help) == (nothing_sent, retry_may_help)
    assert kind.remedy.endswith(".")
    assert kind is errors.RcsRefusedError or "remedy" in vars(kind)


def test_every_error_is_in_the_table_of_promises() -> None:
    assert {kind for kind, *_ in PROMISES} == EVERY_ERROR


def test_an_input_error_says_what_is_wrong_and_what_to_do() -> None:
    error = errors.RcsInputError("phone", "there is no column 'mobile'", "The columns are 'id', 'phone'.")

    assert str(error) == "phone: there is no column 'mobile'. The columns are 'id', 'phone'."
    assert error.field == "phone"


def test_a_rate_limit_says_how_long_the_service_asks_to_wait() -> None:
    assert errors.RcsRateLimited("too many requests", retry_after=7.5).retry_after == 7.5


def test_a_dispatch_error_says_whether_a_retry_may_help_one_of_its_campaigns() -> None:
    assert errors.RcsDispatchError("2 of 3 campaigns", retry_may_help=True).retry_may_help
