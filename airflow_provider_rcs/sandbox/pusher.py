"""Pushing reports to the URL that is configured for the account."""

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
import orjson

from airflow_provider_rcs.sandbox.reports import PlannedReport, plan_reports, report_fields

if TYPE_CHECKING:
    from airflow_provider_rcs.sandbox.model import AcceptedMessage, AcceptedSend
    from airflow_provider_rcs.sandbox.options import ReportOptions, ReportTarget

log = logging.getLogger(__name__)

_WORKERS = 16
_RETRIES = 3
_FIRST_BACKOFF = 0.2
_LONGEST_PUSH = aiohttp.ClientTimeout(total=15)


@dataclass(slots=True)
class _ReportedMessage:
    """A message whose reports are being pushed."""

    send: AcceptedSend
    message: AcceptedMessage
    reports: tuple[PlannedReport, ...]
    done: int = 0
    tries: int = 0


class ReportPusher:
    """A few workers that push due reports, those of each message one after the other.

    ``target`` can be changed at any time; while it is None, all reports wait.
    """

    def __init__(self, options: ReportOptions, seed: int) -> None:
        self.target = options.target
        self.pushed = 0
        self.dropped = 0
        self._options = options
        self._seed = seed
        self._held = False
        self._planned = 0
        self._waiting: deque[tuple[AcceptedSend, AcceptedMessage]] = deque()
        self._scheduled: list[tuple[float, int, _ReportedMessage]] = []
        self._order = itertools.count()
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()

    @property
    def pending(self) -> int:
        """Number of reports still to push; messages not begun yet count as one report each."""
        return self._planned + len(self._waiting)

    def add(self, send: AcceptedSend) -> None:
        self._waiting.extend((send, message) for message in send.messages)
        self._wake.set()

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
            for _ in range(_WORKERS):
                workers.create_task(self._work(session))

    async def _work(self, session: aiohttp.ClientSession) -> None:
        while True:
            # Only one worker at a time waits for the next due report; otherwise each report would wake all of them.
            async with self._turn:
                reported, target = await self._next()
            accepted = await self._push(session, reported, target)
            self._settle(reported, accepted=accepted)

    async def _next(self) -> tuple[_ReportedMessage, ReportTarget]:
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

    def _begin(self, send: AcceptedSend, message: AcceptedMessage) -> _ReportedMessage:
        reports = plan_reports(message.message_id, self._seed, self._options.shares)
        self._planned += len(reports)
        return _ReportedMessage(send, message, reports)

    async def _push(self, session: aiohttp.ClientSession, reported: _ReportedMessage, target: ReportTarget) -> bool:
        report = reported.reports[reported.done]
        service = self._options.fallback_service if report.fallback else "RCS"
        code = self._options.codes[report.status]
        fields = report_fields(reported.send, reported.message, code, report.second, service)
        headers = {"Content-Type": "application/json"}
        if target.authorization is not None:
            headers["Authorization"] = target.authorization
        try:
            async with session.post(
                target.url, data=orjson.dumps(fields), headers=headers, allow_redirects=False
            ) as response:
                # An unread reply would keep the connection from being reused.
                await response.read()
                return response.status == 200
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.debug("report not accepted: %s", type(error).__name__)
            return False

    def _settle(self, reported: _ReportedMessage, *, accepted: bool) -> None:
        if not accepted and reported.tries < _RETRIES:
            reported.tries += 1
            self._postpone(reported, _FIRST_BACKOFF * 2 ** (reported.tries - 1))
            return
        if accepted:
            self.pushed += 1
        else:
            if not self.dropped:
                log.warning("dropped a report for the first time: no 200 after %d tries", reported.tries + 1)
            self.dropped += 1
        self._planned -= 1
        reported.done += 1
        reported.tries = 0
        if reported.done < len(reported.reports):
            self._postpone(reported, self._options.jitter * reported.reports[reported.done].pause)

    def _postpone(self, reported: _ReportedMessage, seconds: float) -> None:
        due = asyncio.get_running_loop().time() + seconds
        heapq.heappush(self._scheduled, (due, next(self._order), reported))
        self._wake.set()
