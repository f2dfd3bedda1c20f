"""When reports and replies are pushed to the URL that is configured for the account."""

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

from airflow_provider_rcs.sandbox.pushes.fields import ReportOfMessage
from airflow_provider_rcs.sandbox.pushes.inbound import plan_reply
from airflow_provider_rcs.sandbox.pushes.reports import plan_reports
from airflow_provider_rcs.sandbox.pushes.sender import PushSender

if TYPE_CHECKING:
    from airflow_provider_rcs.sandbox.model import AcceptedMessage, AcceptedSend
    from airflow_provider_rcs.sandbox.options import ReportOptions, ReportTarget
    from airflow_provider_rcs.sandbox.pushes.inbound import InboundReply
    from airflow_provider_rcs.sandbox.quirks import Quirks

log = logging.getLogger(__name__)

_WORKERS = 16
_RETRIES = 3
_FIRST_BACKOFF = 0.2
_LONGEST_PUSH = aiohttp.ClientTimeout(total=15)


@dataclass(slots=True)
class _Sequence:
    """What is pushed about one message, one after the other."""

    pushes: tuple[ReportOfMessage | InboundReply, ...]
    done: int = 0
    tries: int = 0


class ReportPusher:
    """A few workers that push what is due, what concerns one message one after the other.

    ``target`` can be changed at any time; while it is None, everything waits. The counts hold reports and replies.
    """

    def __init__(self, options: ReportOptions, seed: int, quirks: Quirks) -> None:
        self.target = options.target
        self.pushed = 0
        self.dropped = 0
        self._options = options
        self._seed = seed
        self._quirks = quirks
        self._held = False
        self._planned = 0
        self._waiting: deque[tuple[AcceptedSend, AcceptedMessage]] = deque()
        self._scheduled: list[tuple[float, int, _Sequence]] = []
        self._order = itertools.count()
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()

    @property
    def pending(self) -> int:
        """Number of pushes still to come; messages not begun yet count as one each."""
        return self._planned + len(self._waiting)

    def add(self, send: AcceptedSend) -> None:
        self._waiting.extend((send, message) for message in send.messages)
        self._wake.set()

    def add_reply(self, reply: InboundReply) -> None:
        self._planned += 1
        self._postpone(_Sequence((reply,)), 0)

    def set_target(self, target: ReportTarget | None) -> None:
        self.target = target
        self._wake.set()

    def hold(self) -> None:
        self._held = True

    def release(self) -> None:
        self._held = False
        self._wake.set()

    async def run(self) -> None:
        """Push until cancelled."""
        connector = aiohttp.TCPConnector(limit=_WORKERS)
        async with (
            aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), timeout=_LONGEST_PUSH
            ) as session,
            asyncio.TaskGroup() as workers,
        ):
            sender = PushSender(session, self._options, self._quirks)
            for _ in range(_WORKERS):
                workers.create_task(self._work(sender))

    async def _work(self, sender: PushSender) -> None:
        while True:
            # Only one worker at a time waits for the next due push; otherwise each would wake all of them.
            async with self._turn:
                sequence, target = await self._next()
            accepted = await sender.push(sequence.pushes[sequence.done], target)
            self._settle(sequence, accepted=accepted)

    async def _next(self) -> tuple[_Sequence, ReportTarget]:
        now = asyncio.get_running_loop().time
        while True:
            self._wake.clear()
            timeout = None
            if self.target is not None and not self._held:
                # Begun messages come first: a fast sender would otherwise make them pile up.
                if self._scheduled and self._scheduled[0][0] <= now():
                    return heapq.heappop(self._scheduled)[2], self.target
                if self._waiting:
                    return self._begin(*self._waiting.popleft()), self.target
                if self._scheduled:
                    timeout = self._scheduled[0][0] - now()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._wake.wait()

    def _begin(self, send: AcceptedSend, message: AcceptedMessage) -> _Sequence:
        shares = self._options.shares
        reports = plan_reports(message.message_id, self._seed, shares)
        pushes: list[ReportOfMessage | InboundReply] = [ReportOfMessage(send, message, each) for each in reports]
        if reply := plan_reply(send, message, reports, self._seed, shares.replies):
            pushes.append(reply)
        self._planned += len(pushes)
        return _Sequence(tuple(pushes))

    def _settle(self, sequence: _Sequence, *, accepted: bool) -> None:
        if not accepted and sequence.tries < _RETRIES:
            sequence.tries += 1
            self._postpone(sequence, _FIRST_BACKOFF * 2 ** (sequence.tries - 1))
            return
        if accepted:
            self.pushed += 1
        else:
            if not self.dropped:
                log.warning("dropped a push for the first time: no 200 after %d tries", sequence.tries + 1)
            self.dropped += 1
        self._planned -= 1
        sequence.done += 1
        sequence.tries = 0
        if sequence.done < len(sequence.pushes):
            self._postpone(sequence, self._options.jitter * sequence.pushes[sequence.done].pause)

    def _postpone(self, sequence: _Sequence, seconds: float) -> None:
        due = asyncio.get_running_loop().time() + seconds
        heapq.heappush(self._scheduled, (due, next(self._order), sequence))
        self._wake.set()
