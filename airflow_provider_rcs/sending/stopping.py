"""The end of a send that Airflow stops: nothing leaves any more, and what is in flight is settled before it kills."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from typing import Protocol, TypeVar

from airflow_provider_rcs.api.errors import RcsTaskStoppedError
from airflow_provider_rcs.sending.threads import start

R = TypeVar("R")

log = logging.getLogger(__name__)

# Airflow kills a task five seconds after it has asked it to stop.
SECONDS_FOR_REPLIES = 3.0
"""How long after a stop the replies to requests in flight are waited for."""

SECONDS_TO_SETTLE = 4.0
"""How long after a stop the send may take to settle these replies and to requeue the rest."""

SECONDS_TO_END = 4.5
"""How long after a stop the task waits for its store at all."""

SECONDS_BETWEEN_LOOKS = 0.1
"""How often a thread that waits looks whether it should stop."""


class Withdrawable(Protocol):
    """The service's side of a stop, which :class:`~airflow_provider_rcs.hooks.rcs.RcsHook` has."""

    def withdraw(self) -> None:
        """Let no request leave any more: those that have not left fail at once, and prove it."""

    def give_up(self) -> None:
        """Wait for no reply any more: the calls in flight fail at once."""


class _Interrupt(KeyboardInterrupt):
    """Raised in code that reads, to end it; psycopg also cancels its query then."""


class Stop:
    """Whether Airflow has asked the task to stop, for the threads of a send to look at.

    It holds nothing that cannot be copied with its operator.
    """

    def __init__(self) -> None:
        self._requested_at: float | None = None
        self._has_ended = False
        self._is_explained = False
        self._reading_thread: int | None = None

    def request(self) -> None:
        """Ask the task to stop, from a signal handler or any thread; it is too late once the task has ended.

        No lock is taken and nothing is logged: the main thread may have been interrupted anywhere.
        """
        if self._has_ended or self._requested_at is not None:
            return
        self._requested_at = time.monotonic()
        if self._reading_thread == threading.get_ident():
            raise _Interrupt

    @property
    def is_requested(self) -> bool:
        """Return whether the task was asked to stop."""
        return self._requested_at is not None

    @property
    def seconds_left(self) -> float | None:
        """Return how long the task may still wait for its store; ``None`` for as long as it takes."""
        return self.seconds_until(SECONDS_TO_END) if self.is_requested else None

    def seconds_until(self, after: float) -> float:
        """Return how many seconds are left of those after the stop; all of them before it."""
        if self._requested_at is None:
            return after
        return max(self._requested_at + after - time.monotonic(), 0.0)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Run a task; a stop that was requested before it began counts, one that is requested after its end does not.

        Airflow calls ``on_kill`` once more when ``execute`` has ended by a time-out, and may run the task again.
        """
        if self._has_ended:
            self._requested_at, self._has_ended, self._is_explained = None, False, False
        try:
            yield
        finally:
            self._has_ended = True

    @contextmanager
    def reading(self, campaign: str) -> Iterator[None]:
        """Run a block that only reads, and that a stop interrupts wherever it is.

        :param campaign: the campaign's name, for the error.
        :raises RcsTaskStoppedError: if the task was asked to stop, before or meanwhile.
        """
        before_sending = RcsTaskStoppedError(campaign, "before this run of it had sent anything")
        try:
            with self.explaining(before_sending):
                try:
                    self._reading_thread = threading.get_ident()
                    if self.is_requested:
                        raise _Interrupt
                    yield
                finally:
                    self._reading_thread = None
        except _Interrupt:
            raise before_sending from None

    @contextmanager
    def explaining(self, error: RcsTaskStoppedError) -> Iterator[None]:
        """Log an error once if a time-out or Ctrl-C ends the block: Airflow shows these, but not how to go on."""
        try:
            yield
        except (Exception, GeneratorExit, _Interrupt):
            raise
        except BaseException:
            self._explain(error)
            raise

    def reading_each(self, campaign: str, items: Iterable[R]) -> Iterator[R]:
        """Yield items that a stop interrupts the reading of, wherever it is.

        :raises RcsTaskStoppedError: if the task was asked to stop.
        """
        iterator = iter(items)
        while True:
            with self.reading(campaign):
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            yield item

    def sleep(self, seconds: float) -> None:
        """Wait for some seconds, or until the task is asked to stop."""
        end = time.monotonic() + seconds
        while not self.is_requested and (left := end - time.monotonic()) > 0:
            time.sleep(min(left, SECONDS_BETWEEN_LOOKS))

    def run(self, send: Callable[[], R], service: Withdrawable, campaign: str) -> R:
        """Run a send in a thread of its own, and return what it returns.

        What Airflow or a person raises in this thread (a time-out, Ctrl-C) cannot hit it between two of its steps, and
        this thread withdraws requests and gives up replies at their time even while the store hangs. The send itself
        looks at :attr:`is_requested`.

        :param campaign: the campaign's name, for errors.
        :raises RcsTaskStoppedError: if the task was asked to stop, and the send could not end in time.
        """
        sending: Future[R] | None = None
        try:
            sending = start(send, "rcs-campaign")
            while not self.is_requested and not sending.done():
                wait([sending], SECONDS_BETWEEN_LOOKS)
        except BaseException:
            self.request()
            service.withdraw()
            if sending is not None:
                self._log_end(sending, service, campaign)
            raise
        return self._end(sending, service, campaign)

    def _end(self, sending: Future[R], service: Withdrawable, campaign: str) -> R:
        if self.is_requested:
            service.withdraw()
            wait([sending], self.seconds_until(SECONDS_FOR_REPLIES))
            if not sending.done():
                service.give_up()
                wait([sending], self.seconds_until(SECONDS_TO_SETTLE))
            if not sending.done():
                raise RcsTaskStoppedError(
                    campaign,
                    "while the store did not answer; replies that it has not recorded are in doubt once the lease ends",
                )
        return sending.result()

    def _log_end(self, sending: Future[R], service: Withdrawable, campaign: str) -> None:
        """Wait for the end of a send that an error of this thread has stopped, and log it: that error is raised."""
        try:
            outcome: object = self._end(sending, service, campaign)
        except Exception as error:  # noqa: BLE001 - the error that stopped the send is raised
            outcome = error
        if isinstance(outcome, Exception):
            self._explain(outcome)

    def _explain(self, outcome: Exception) -> None:
        if not self._is_explained:
            self._is_explained = True
            log.error("%s", outcome)
