"""What a process remembers of the service, so that it does not ask again in vain."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from airflow_provider_rcs.api.errors import RcsAuthError

SECONDS_TO_REMEMBER = 300.0

Answer = TypeVar("Answer")


class Memory:
    """Answers to look-ups, for some minutes, and refused credentials, until they are forgotten.

    :param seconds: how long an answer is remembered.
    :param clock: tells the time, in seconds.
    """

    def __init__(self, seconds: float = SECONDS_TO_REMEMBER, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._answers: dict[Hashable, tuple[float, Any]] = {}
        self._refused: set[Hashable] = set()

    def recall(self, question: Hashable, ask: Callable[[], Answer], *, fresh: bool = False) -> Answer:
        """Return the answer to a question, asked now unless it was lately; a failure is not remembered.

        :param question: what tells it from all other questions: the call, the account and the parameters.
        :param ask: gets the answer.
        :param fresh: whether to ask in any case.
        """
        until, answer = self._answers.get(question, (0.0, None))
        if fresh or answer is None or self._clock() >= until:
            answer = ask()
            self._answers[question] = (self._clock() + self._seconds, answer)
        return answer  # type: ignore[no-any-return]

    def refused(self, credentials: Hashable) -> None:
        """Remember that the service refused credentials."""
        self._refused.add(credentials)

    def require_not_refused(self, credentials: Hashable) -> None:
        """Check credentials before they are shown to the service.

        :raises RcsAuthError: if it has refused them before.
        """
        if credentials in self._refused:
            raise RcsAuthError(
                "the service has refused this API User and API Token to this process before, and is not asked again. "
                f"Nothing was sent. {RcsAuthError.remedy} If it was the account that was mended, test the connection."
            )

    def forget_refusal(self, credentials: Hashable) -> None:
        """Let credentials be shown to the service once more."""
        self._refused.discard(credentials)

    def forget(self) -> None:
        """Forget everything."""
        self._answers.clear()
        self._refused.clear()


OF_THIS_PROCESS = Memory()
