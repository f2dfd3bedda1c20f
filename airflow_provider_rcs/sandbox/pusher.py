"""Pushes the reports of accepted messages to the URL that the account's owner gave."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import logging
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp

from airflow_provider_rcs.sandbox.authentication import basic_header
from airflow_provider_rcs.sandbox.courses import Step, course_of
from airflow_provider_rcs.sandbox.report_bodies import report_body, report_fields

if TYPE_CHECKING:
    from airflow_provider_rcs.sandbox.model import AcceptedMessage, AcceptedSend
    from airflow_provider_rcs.sandbox.options import Reports, ReportTarget

log = logging.getLogger(__name__)

_FIRST_BACKOFF = 0.2
_LONGEST_PUSH = aiohttp.ClientTimeout(total=15)


@dataclass(slots=True)
class _Journey:
    """How far a message has come on its course."""

    send: AcceptedSend
    message: AcceptedMessage
    steps: tuple[Step, ...]
    done: int = 0
    tries: int = 0


class Pusher:
    """A few workers that push what is due; a message's next report is not pushed before the one ahead of it is settled.

    :param target: where to; it can be changed at any time, and without one everything waits.
    """

    def __init__(self, options: Reports, seed: int) -> None:
        self.target = options.target
        self.pushed = 0
        self.dropped = 0
        self._options = options
        self._seed = seed
        self._held = False
        self._begun = 0
        self._waiting: deque[tuple[AcceptedSend, AcceptedMessage]] = deque()
        self._journeys: list[tuple[float, int, _Journey]] = []
        self._order = itertools.count()
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()

    @property
    def pending(self) -> int:
        """Reports still to be pushed; of a message whose course is not decided yet, only the first is counted."""
        return self._begun + len(self._waiting)

    def add(self, send: AcceptedSend) -> None:
        self._waiting.extend((send, message) for message in send.messages)
        self._wake.set()

    def aim(self, target: ReportTarget | None) -> None:
        self.target = target
        self._wake.set()

    def hold(self) -> None:
        self._held = True

    def release(self) -> None:
        self._held = False
        self._wake.set()

    async def run(self) -> None:
        """Push until cancelled."""
        connector = aiohttp.TCPConnector(limit=self._options.workers)
        async with (
            aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=_LONGEST_PUSH
            ) as session,
            asyncio.TaskGroup() as workers,
        ):
            for _ in range(self._options.workers):
                workers.create_task(self._work(session))

    async def _work(self, session: aiohttp.ClientSession) -> None:
        while True:
            # One worker at a time waits for what is due next; were it all of them, each report would wake them all.
            async with self._turn:
                journey, target = await self._next()
            taken = await self._push(session, journey, target)
            self._settle(journey, taken=taken)

    async def _next(self) -> tuple[_Journey, ReportTarget]:
        now = asyncio.get_running_loop().time
        while True:
            self._wake.clear()
            patience = None
            if self.target is not None and not self._held:
                # Those under way come first: messages begun would otherwise pile up behind a fast sender.
                if self._journeys and self._journeys[0][0] <= now():
                    return heapq.heappop(self._journeys)[2], self.target
                if self._waiting:
                    return self._begin(*self._waiting.popleft()), self.target
                if self._journeys:
                    patience = self._journeys[0][0] - now()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self._wake.wait()

    def _begin(self, send: AcceptedSend, message: AcceptedMessage) -> _Journey:
        steps = course_of(message.message_id, self._seed, self._options.shares)
        self._begun += len(steps)
        return _Journey(send, message, steps)

    async def _push(self, session: aiohttp.ClientSession, journey: _Journey, target: ReportTarget) -> bool:
        step = journey.steps[journey.done]
        service = self._options.fallback_service if step.fallback else "RCS"
        fields = report_fields(journey.send, journey.message, self._options.codes[step.status], step.second, service)
        body, content_type = report_body(fields, target.format)
        headers = {"Content-Type": content_type}
        if target.login is not None:
            headers["Authorization"] = basic_header(target.login, target.password)
        try:
            async with session.post(target.url, data=body, headers=headers, allow_redirects=False) as response:
                # Read, or the connection could not be used again.
                await response.read()
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.debug("report not taken: %s", type(error).__name__)
            return False

    def _settle(self, journey: _Journey, *, taken: bool) -> None:
        if not taken and journey.tries < self._options.retries:
            journey.tries += 1
            self._put_off(journey, _FIRST_BACKOFF * 2 ** (journey.tries - 1))
            return
        if taken:
            self.pushed += 1
        else:
            if not self.dropped:
                log.warning("the first report was dropped: %d tries, and no 200", journey.tries + 1)
            self.dropped += 1
        self._begun -= 1
        journey.done += 1
        journey.tries = 0
        if journey.done < len(journey.steps):
            pause = journey.steps[journey.done].pause
            self._put_off(journey, self._options.delay + self._options.jitter * pause)

    def _put_off(self, journey: _Journey, seconds: float) -> None:
        due = asyncio.get_running_loop().time() + seconds
        heapq.heappush(self._journeys, (due, next(self._order), journey))
        self._wake.set()
