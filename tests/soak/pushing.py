"""Reports pushed during a soak: by the service, which must not lose one that was answered 200, and by a stranger."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from threading import Event

import requests

from tests.integration.receiver.pushing import report_fields
from tests.receiver_process import ReceiverProcess
from tests.soak.disturbances import Disturbances

STRANGERS = 10**9
"""The message ids of the stranger's reports begin here."""

_SLOW_SECONDS = 1.0
_TIMEOUT_SECONDS = 30.0


@dataclass
class Pusher:
    """Pushes reports to receivers in turn, one at a time, until the soak ends.

    :param first: the message id of its first report.
    :param step: the difference between two of its message ids.
    :param password: the password that it uses; ``None`` for the right one.
    """

    receivers: Sequence[ReceiverProcess]
    disturbances: Disturbances
    first: int
    step: int = 1
    password: str | None = None
    answered: set[int] = field(default_factory=set)
    statuses: Counter[str] = field(default_factory=Counter)
    slow: Counter[str] = field(default_factory=Counter)
    unexplained: list[str] = field(default_factory=list)

    def push_until(self, ended: Event) -> None:
        with requests.Session() as session:
            session.trust_env = False
            for number in count(self.first, self.step):
                if ended.is_set():
                    return
                self._push(session, number, ended)

    def _push(self, session: requests.Session, number: int, ended: Event) -> None:
        receiver = self.receivers[number % len(self.receivers)]
        begin = time.monotonic()
        try:
            answer = session.post(
                receiver.url,
                json=report_fields(number),
                auth=(receiver.login, self.password or receiver.password),
                timeout=_TIMEOUT_SECONDS,
            )
            outcome = str(answer.status_code)
        except requests.RequestException as error:
            outcome = type(error).__name__
            ended.wait(0.05)
        end = time.monotonic()
        self.statuses[outcome] += 1
        if outcome == "200":
            self.answered.add(number)
        explanation = self.disturbances.explanation(begin, end)
        if outcome not in ("200", "401") and not explanation:
            self.unexplained.append(f"{datetime.now(UTC):%H:%M:%S} {outcome} after {end - begin:.2f} s")
        if end - begin > _SLOW_SECONDS:
            self.slow[explanation or "unexplained"] += 1
