"""The HTTP calls through which tests control and inspect the sandbox."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from airflow_provider_rcs.sandbox.options import ReportTarget
from airflow_provider_rcs.sandbox.pushes.inbound import given_reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from airflow_provider_rcs.sandbox.calls import ApiCalls
    from airflow_provider_rcs.sandbox.faults import FaultPlan
    from airflow_provider_rcs.sandbox.options import SandboxAccount
    from airflow_provider_rcs.sandbox.pushes.pusher import ReportPusher
    from airflow_provider_rcs.sandbox.quirks import Quirks
    from airflow_provider_rcs.sandbox.record import SandboxRecord

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ControlCalls:
    """The handlers under ``/_sandbox``; they require the account's credentials, and do not count wrong ones."""

    def __init__(
        self,
        account: SandboxAccount,
        record: SandboxRecord,
        calls: ApiCalls,
        faults: FaultPlan,
        pusher: ReportPusher,
        quirks: Quirks,
    ) -> None:
        self._account = account
        self._record = record
        self._calls = calls
        self._faults = faults
        self._pusher = pusher
        self._quirks = quirks

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/_sandbox/faults", self._authorized(self._schedule_faults)),
            web.post("/_sandbox/quirks", self._authorized(self._switch_quirks)),
            web.get("/_sandbox/accepted", self._authorized(self._accepted), allow_head=False),
            web.get("/_sandbox/calls", self._authorized(self._received_calls), allow_head=False),
            web.get("/_sandbox/statistics", self._authorized(self._statistics), allow_head=False),
            web.post("/_sandbox/reports", self._authorized(self._control_reports)),
            web.post("/_sandbox/replies", self._authorized(self._push_reply)),
            web.post("/_sandbox/report-url", self._authorized(self._set_report_target)),
        ]

    def _authorized(self, handler: Handler) -> Handler:
        async def authorized(request: web.Request) -> web.StreamResponse:
            if not self._account.authorizes(request.headers.get("Authorization")):
                return _json({"error": "wrong credentials"}, status=401)
            try:
                return await handler(request)
            except ValueError as error:
                return _json({"error": str(error)}, status=400)

        return authorized

    async def _schedule_faults(self, request: web.Request) -> web.Response:
        self._faults.schedule(orjson.loads(await request.read()))
        return _json({"pending": self._faults.pending})

    async def _switch_quirks(self, request: web.Request) -> web.Response:
        self._quirks.switch_to(orjson.loads(await request.read()))
        return _json({"quirks": sorted(self._quirks.active)})

    async def _accepted(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        opening = b"["
        for lines in self._record.lines():
            await response.write(opening + lines[:-1].replace(b"\n", b",\n"))
            opening = b",\n"
        await response.write(b"[]" if opening == b"[" else b"]")
        return response

    async def _received_calls(self, _request: web.Request) -> web.Response:
        return _json({"calls": [call._asdict() for call in self._calls.received]})

    async def _statistics(self, _request: web.Request) -> web.Response:
        return _json(
            {
                "send_requests": self._faults.seen,
                "accepted": self._record.messages,
                "twice": self._record.counts.twice,
                "too_many_requests": self._calls.limit.refused,
                "refused_credentials": self._calls.refused_credentials,
                "connections": self._calls.connections,
                "faults_pending": self._faults.pending,
                "reports_pushed": self._pusher.pushed,
                "reports_pending": self._pusher.pending,
                "reports_dropped": self._pusher.dropped,
            }
        )

    async def _control_reports(self, request: web.Request) -> web.Response:
        match _object(await request.read()).get("action"):
            case "hold":
                self._pusher.hold()
            case "release":
                self._pusher.release()
            case "push_again":
                for send in self._record.sends():
                    if send.report:
                        self._pusher.add(send)
                    # Decoding a long record takes seconds; sends must not wait for it.
                    await asyncio.sleep(0)
            case _:
                raise ValueError("action must be hold, release or push_again")
        return _json({"pending": self._pusher.pending})

    async def _push_reply(self, request: web.Request) -> web.Response:
        fields = _object(await request.read())
        phone, text = fields.get("phone"), fields.get("text")
        if not (isinstance(phone, str) and isinstance(text, str)):
            raise ValueError("phone and text must be texts")  # noqa: TRY004 -- data that came over the wire
        # The service writes phones without the sign.
        digits = phone.removeprefix("+")
        self._pusher.add_reply(given_reply(digits, text, self._record.last_to(digits)))
        return _json({"pending": self._pusher.pending})

    async def _set_report_target(self, request: web.Request) -> web.Response:
        fields = _object(await request.read())
        url = fields.get("url")
        target = None
        if url is not None:
            target = ReportTarget(str(url), fields.get("login"), fields.get("password") or "")
        self._pusher.set_target(target)
        return _json({"url": url})


def _object(body: bytes) -> dict[str, Any]:
    fields = orjson.loads(body)
    if not isinstance(fields, dict):
        raise ValueError("expected an object")  # noqa: TRY004 -- data that came over the wire
    return fields


def _json(content: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(content), content_type="application/json")
