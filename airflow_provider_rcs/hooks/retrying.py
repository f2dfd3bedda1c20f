"""Look-ups are tried again where that may help; calls that send never come here."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_random_exponential

from airflow_provider_rcs.api.errors import RcsRateLimited, RcsRefusedError

log = logging.getLogger(__name__)

TRIES = 3
LONGEST_WAIT_SECONDS = 60.0
_backing_off = wait_random_exponential(multiplier=0.5)

Answer = TypeVar("Answer")


def ask_patiently(ask: Callable[[], Answer], sleep: Callable[[float], None] = time.sleep) -> Answer:
    """Ask up to three times, with pauses that grow and vary, or that the service names.

    :param ask: asks once.
    :param sleep: waits for some seconds.
    :raises RcsRefusedError: one of its kinds, if the last try failed, another cannot help, or the service asks to wait
        longer than a look-up should.
    """
    retrying = Retrying(
        retry=retry_if_exception(_may_pass),
        stop=stop_after_attempt(TRIES),
        wait=_pause,
        sleep=sleep,
        before_sleep=_log,
        reraise=True,
    )
    return retrying(ask)


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, RcsRefusedError) and error.retry_may_help and _asked(error) <= LONGEST_WAIT_SECONDS


def _pause(state: RetryCallState) -> float:
    return max(_backing_off(state), _asked(_error(state)))


def _asked(error: BaseException | None) -> float:
    return (error.retry_after or 0.0) if isinstance(error, RcsRateLimited) else 0.0


def _error(state: RetryCallState) -> BaseException | None:
    return None if state.outcome is None else state.outcome.exception()


def _log(state: RetryCallState) -> None:
    log.warning("Asked in vain, and asks again in %.1f s. %s", state.upcoming_sleep, _error(state))
