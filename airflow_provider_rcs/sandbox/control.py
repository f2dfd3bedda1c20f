"""The calls by which tests tell the sandbox what to do and ask it what happened."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from airflow_provider_rcs.sandbox.authentication import carries
from airflow_provider_rcs.sandbox.options import ReportFormat, ReportTarget

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from airflow_provider_rcs.sandbox.calls import Calls
    from airflow_provider_rcs.sandbox.faults import FaultPlan
    from airflow_provider_rcs.sandbox.options import Account
    from airflow_provider_rcs.sandbox.pusher import Pusher
    from airflow_provider_rcs.sandbox.record import Record

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Control:
    """Handlers under ``/_sandbox``, behind the account's own credentials; wrong ones are not counted here."""

    def __init__(self, account: Account, record: Record, calls: Calls, faults: FaultPlan, pusher: Pusher) -> None:
        self._account = account
        self._record = record
        self._calls = calls
        self._faults = faults
        self._pusher = pusher

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/_sandbox/faults", self._guarded(self._order_faults)),
            web.get("/_sandbox/accepted", self._guarded(self._accepted), allow_head=False),
            web.get("/_sandbox/heard", self._guarded(self._heard), allow_head=False),
            web.get("/_sandbox/statistics", self._guarded(self._statistics), allow_head=False),
            web.post("/_sandbox/reports", self._guarded(self._steer_reports)),
            web.post("/_sandbox/report-url", self._guarded(self._aim_reports)),
        ]

    def _guarded(self, handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            if not carries(request.headers.get("Authorization"), self._account.login, self._account.password):
                return _json({"error": "wrong credentials"}, status=401)
            try:
                return await handler(request)
            except ValueError as error:
                return _json({"error": str(error)}, status=400)

        return guarded

    async def _order_faults(self, request: web.Request) -> web.Response:
        self._faults.order(orjson.loads(await request.read()))
        return _json({"pending": self._faults.pending})

    async def _accepted(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        opening = b"["
        for lines in self._record.lines():
            await response.write(opening + lines[:-1].replace(b"\n", b",\n"))
            opening = b",\n"
        await response.write(b"[]" if opening == b"[" else b"]")
        return response

    async def _heard(self, _request: web.Request) -> web.Response:
        return _json({"calls": [call._asdict() for call in self._calls.heard]})

    async def _statistics(self, _request: web.Request) -> web.Response:
        return _json(
            {
                "send_requests": self._faults.seen,
                "accepted": self._record.messages,
                "twice": self._record.tally.twice,
                "most_for_a_phone": self._record.tally.most_for_a_phone,
                "refused_credentials": self._calls.refused_credentials,
                "rate_limited": self._calls.rate_limited,
                "connections": self._calls.connections,
                "faults_pending": self._faults.pending,
                "reports_pushed": self._pusher.pushed,
                "reports_pending": self._pusher.pending,
                "reports_dropped": self._pusher.dropped,
            }
        )

    async def _steer_reports(self, request: web.Request) -> web.Response:
        match _object(await request.read()).get("action"):
            case "hold":
                self._pusher.hold()
            case "release":
                self._pusher.release()
            case "push_again":
                for send in self._record.sends():
                    if send.report:
                        self._pusher.add(send)
                    # A long record takes seconds to read again; sends must not wait for it.
                    await asyncio.sleep(0)
            case _:
                raise ValueError("action is hold, release or push_again")
        return _json({"pending": self._pusher.pending})

    async def _aim_reports(self, request: web.Request) -> web.Response:
        fields = _object(await request.read())
        url = fields.get("url")
        target = None
        if url is not None:
            former = self._pusher.target
            target = ReportTarget(
                url=str(url),
                login=fields.get("login"),
                password=fields.get("password") or "",
                format=ReportFormat(fields.get("format", former.format if former else ReportFormat.JSON)),
            )
        self._pusher.aim(target)
        return _json({"url": url})


def _object(body: bytes) -> dict[str, Any]:
    fields = orjson.loads(body)
    if not isinstance(fields, dict):
        raise ValueError("an object is expected")  # noqa: TRY004 -- data that came over the wire
    return fields


def _json(content: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(content), content_type="application/json")
