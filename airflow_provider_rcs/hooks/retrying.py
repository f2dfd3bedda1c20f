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
_backing_off = wait_random_exponential(multiplier=0.5)

Answer = TypeVar("Answer")


def retry_look_up(ask: Callable[[], Answer], sleep: Callable[[float], None] = time.sleep) -> Answer:
    """Make a look-up up to three times, with randomised exponential backoff, or the pause that the service asks for.

    :param ask: makes the look-up once.
    :param sleep: waits for some seconds.
    :raises RcsRefusedError: one of its kinds, if the last attempt failed, if another cannot help, or if the service
        asks for a longer pause than a look-up may take.
    """
    retrying = Retrying(
        retry=retry_if_exception(_is_worth_a_retry),
        stop=stop_after_attempt(ATTEMPTS),
        wait=_pause,
        sleep=sleep,
        before_sleep=_log,
        reraise=True,
    )
    return retrying(ask)


def _is_worth_a_retry(error: BaseException) -> bool:
    return (
        isinstance(error, RcsRefusedError) and error.retry_may_help and _requested_pause(error) <= LONGEST_WAIT_SECONDS
    )


def _pause(state: RetryCallState) -> float:
    return max(_backing_off(state), _requested_pause(_error(state)))


def _requested_pause(error: BaseException | None) -> float:
    return (error.retry_after or 0.0) if isinstance(error, RcsRateLimited) else 0.0


def _error(state: RetryCallState) -> BaseException | None:
    return None if state.outcome is None else state.outcome.exception()


def _log(state: RetryCallState) -> None:
    log.warning("The look-up failed; retrying in %.1f s. %s", state.upcoming_sleep, _error(state))
