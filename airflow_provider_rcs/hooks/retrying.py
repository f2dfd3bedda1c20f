"""Retries of look-ups; a call that sends is never retried here."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_random_exponential

from airflow_provider_rcs.api.errors import RcsRateLimited, RcsRefusedError

log = logging.getLogger(__name__)

ATTEMPTS = 3
LONGEST_WAIT_SECONDS = 60.0
_backoff = wait_random_exponential(multiplier=0.5)

Result = TypeVar("Result")


def retry_look_up(look_up: Callable[[], Result], sleep: Callable[[float], None] = time.sleep) -> Result:
    """Make a look-up, at most three times, with randomised exponential backoff or the pause that the service asks for.

    :param look_up: makes the look-up once.
    :param sleep: waits for some seconds.
    :raises RcsRefusedError: one of its kinds, if the last attempt failed, if another one cannot help, or if the service
        asks for a longer pause than ``LONGEST_WAIT_SECONDS``.
    """
    retrying = Retrying(
        retry=retry_if_exception(_is_worth_a_retry),
        stop=stop_after_attempt(ATTEMPTS),
        wait=_pause,
        sleep=sleep,
        before_sleep=_log_retry,
        reraise=True,
    )
    return retrying(look_up)


def _is_worth_a_retry(error: BaseException) -> bool:
    return (
        isinstance(error, RcsRefusedError) and error.retry_may_help and _requested_pause(error) <= LONGEST_WAIT_SECONDS
    )


def _pause(state: RetryCallState) -> float:
    return max(_backoff(state), _requested_pause(_error(state)))


def _requested_pause(error: BaseException | None) -> float:
    return (error.retry_after or 0.0) if isinstance(error, RcsRateLimited) else 0.0


def _error(state: RetryCallState) -> BaseException | None:
    return None if state.outcome is None else state.outcome.exception()


def _log_retry(state: RetryCallState) -> None:
    log.warning("The look-up failed; retrying in %.1f s. %s", state.upcoming_sleep, _error(state))
