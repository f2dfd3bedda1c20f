"""The four calls of the API, over HTTP."""

from __future__ import annotations

import asyncio
import logging
import math
import socket
import struct
import time
from collections import deque
from email.utils import formatdate
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakSet

from aiohttp import web

from airflow_provider_rcs.sandbox.faults import Fault, FaultKind
from airflow_provider_rcs.sandbox.model import NotEnoughCreditError, RefusalError, WrongCredentialsError
from airflow_provider_rcs.sandbox.options import ReplyShape, RetryAfter
from airflow_provider_rcs.sandbox.parsing import (
    Parameters,
    lower_names,
    parse_parameters,
    parse_send,
    parse_template,
    wants_json,
)
from airflow_provider_rcs.sandbox.quirks import Quirk
from airflow_provider_rcs.sandbox.replies import (
    Reply,
    ReplyFormat,
    credit_reply,
    encode_reply,
    encode_text_reply,
    refusal_reply,
    send_reply,
    spanish_credit_reply,
    templates_reply,
    variables_reply,
    without_result,
)
from airflow_provider_rcs.sandbox.service import RequestLimit

if TYPE_CHECKING:
    from asyncio import Transport
    from collections.abc import Callable

    from airflow_provider_rcs.sandbox.faults import FaultPlan
    from airflow_provider_rcs.sandbox.model import SendOutcome
    from airflow_provider_rcs.sandbox.options import SandboxOptions
    from airflow_provider_rcs.sandbox.pushes.pusher import ReportPusher
    from airflow_provider_rcs.sandbox.quirks import Quirks
    from airflow_provider_rcs.sandbox.service import SandboxService

log = logging.getLogger(__name__)

_CREDIT = "/GetCreditos"
_CALLS_TO_REMEMBER = 20
_PAGE = "<!DOCTYPE html><html><head><title>Mantenimiento</title></head><body><h1>Volvemos pronto</h1></body></html>"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class ReceivedCall(NamedTuple):
    """A call that could be parsed, with its parameters as received."""

    call: str
    content_type: str
    parameters: Parameters


class ApiCalls:
    """The handlers of the API's calls, with their scheduled faults."""

    def __init__(
        self,
        options: SandboxOptions,
        service: SandboxService,
        faults: FaultPlan,
        pusher: ReportPusher,
        quirks: Quirks,
    ) -> None:
        self.refused_credentials = 0
        self.connections = 0
        self.received: deque[ReceivedCall] = deque(maxlen=_CALLS_TO_REMEMBER)
        self._options = options
        self._service = service
        self._faults = faults
        self._pusher = pusher
        self._quirks = quirks
        self._format = ReplyFormat(options.reply_shape, options.reply_values)
        self.limit = RequestLimit(options.requests_per_second)
        self._known_connections: WeakSet[Transport] = WeakSet()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/EnviarRCS", self._send),
            web.post("/GetPlantillasRCS", self._templates),
            web.post("/GetVariablesPlantillaRCS", self._variables),
            web.post(_CREDIT, self._credit),
        ]

    async def _send(self, request: web.Request) -> web.StreamResponse:
        self._count_connection(request)
        number, fault = self._faults.begin()
        if fault is None and Quirk.REFUSAL_NAMES_SENT in self._quirks:
            fault = Fault(FaultKind.REFUSAL_NAMES_SENT, res=NotEnoughCreditError().result)
        if fault is not None and fault.kind is FaultKind.REFUSE:
            # Before the body is read, like an overloaded server.
            return _reset(request)
        body = await request.read()
        if seconds := self.limit.seconds_to_wait(time.monotonic()):
            log.info("send %d: refused, too many requests", number)
            return _too_many_requests(seconds, self._options.retry_after)
        if fault is not None and not fault.accepts and fault.kind is not FaultKind.RES:
            return await _faulty_reply(request, fault, web.Response())

        reply = self._answer(
            request, body, lambda parameters: self._reply_to_send(parameters, number, fault), f"send {number}"
        )
        if self._options.latency:
            await asyncio.sleep(self._options.latency)
        return reply if fault is None else await _faulty_reply(request, fault, reply)

    def _reply_to_send(self, parameters: Parameters, number: int, fault: Fault | None) -> Reply:
        if fault is not None and fault.kind is FaultKind.RES:
            raise _refusal(fault)
        received = parse_send(parameters, self._options.account)
        if fault is not None and fault.kind is FaultKind.REFUSAL_NAMES_SENT:
            return self._report_on(self._service.send_half(received, number)) | refusal_reply(_refusal(fault))
        return self._report_on(self._service.send(received, number))

    def _report_on(self, outcome: SendOutcome) -> Reply:
        """Have the accepted messages reported on, and return the reply."""
        if outcome.accepted is not None and outcome.accepted.report and self._pusher.target is not None:
            self._pusher.add(outcome.accepted)
        return send_reply(outcome, self._format)

    async def _templates(self, request: web.Request) -> web.Response:
        return await self._look_up(request, lambda _: templates_reply(self._options.account.templates))

    async def _variables(self, request: web.Request) -> web.Response:
        return await self._look_up(
            request,
            lambda parameters: variables_reply(parse_template(parameters, self._options.account), self._format),
        )

    async def _credit(self, request: web.Request) -> web.Response:
        return await self._look_up(request, lambda _: self._credit_reply())

    def _credit_reply(self) -> Reply:
        credit = self._service.credit
        return spanish_credit_reply(credit) if Quirk.SPANISH_CREDIT in self._quirks else credit_reply(credit)

    async def _look_up(self, request: web.Request, act: Callable[[Parameters], Reply]) -> web.Response:
        self._count_connection(request)
        return self._answer(request, await request.read(), act, request.path)

    def _answer(
        self, request: web.Request, body: bytes, act: Callable[[Parameters], Reply], title: str
    ) -> web.Response:
        """Return the reply to a request, in the format that it asks for."""
        authorized = self._options.account.authorizes(request.headers.get("Authorization"))
        self.refused_credentials += not authorized
        as_json = False
        try:
            received = parse_parameters(body, request.headers.get("Content-Type", ""))
            self.received.append(ReceivedCall(request.path, request.content_type, received))
            parameters = lower_names(received)
            as_json = wants_json(parameters)
            if not authorized:
                raise WrongCredentialsError
            reply = act(parameters)
        except RefusalError as refusal:
            reply = refusal_reply(refusal)
        log.info("%s: %d bytes, result %s", title, len(body), reply["Res"])
        if as_json and self._options.reply_shape is not ReplyShape.TEXT:
            if request.path == _CREDIT and Quirk.CREDIT_WITHOUT_RESULT in self._quirks:
                reply = without_result(reply)
            return self._written(encode_reply(self._quirks.reword(reply), self._format), "application/json")
        return self._written(encode_text_reply(reply, self._credit_reply()), "text/plain")

    def _written(self, reply: bytes, content_type: str) -> web.Response:
        claimed = "utf-8" if Quirk.LATIN_1 in self._quirks else None
        return web.Response(body=self._quirks.distort(reply), content_type=content_type, charset=claimed)

    def _count_connection(self, request: web.Request) -> None:
        transport = request.transport
        if transport is not None and transport not in self._known_connections:
            self._known_connections.add(transport)
            self.connections += 1


async def _faulty_reply(request: web.Request, fault: Fault, reply: web.Response) -> web.StreamResponse:
    """Return what the client receives instead of the proper reply, or a damaged copy of it."""
    match fault.kind:
        case FaultKind.REFUSE | FaultKind.RESET_AFTER:
            return _reset(request)
        case FaultKind.TIMEOUT_BEFORE | FaultKind.TIMEOUT_AFTER:
            await asyncio.sleep(fault.seconds or 0)
            return _reset(request)
        case FaultKind.HTML | FaultKind.HTML_BEFORE:
            return web.Response(text=_PAGE, content_type="text/html")
        case FaultKind.EMPTY | FaultKind.EMPTY_BEFORE:
            return web.Response()
        case FaultKind.STATUS | FaultKind.STATUS_AFTER:
            headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
            return web.Response(status=fault.status or 500, text=f"{fault.status}\n", headers=headers)
        case FaultKind.CUT_REPLY:
            return await _cut(request, reply)
        case FaultKind.LATE_REPLY:
            await asyncio.sleep(fault.seconds or 0)
    if fault.status is not None:
        reply.set_status(fault.status)
    if fault.retry_after is not None:
        reply.headers["Retry-After"] = str(fault.retry_after)
    return reply


def _refusal(fault: Fault) -> RefusalError:
    return RefusalError("Rechazado a petición de la prueba", fault.res or 0)


def _too_many_requests(seconds: float, retry_after: RetryAfter) -> web.Response:
    headers = {}
    if retry_after is RetryAfter.SECONDS:
        headers["Retry-After"] = str(math.ceil(seconds))
    elif retry_after is RetryAfter.DATE:
        headers["Retry-After"] = formatdate(math.ceil(time.time() + seconds), usegmt=True)
    return web.Response(status=429, text="429\n", headers=headers)


def _reset(request: web.Request) -> web.Response:
    """Reset the connection; the returned response is never sent."""
    transport = request.transport
    if transport is not None:
        # Without this option, the close is orderly, and the client sees an end of file instead of a reset.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
    return web.Response()


async def _cut(request: web.Request, reply: web.Response) -> web.StreamResponse:
    """Announce the length of the whole reply, send half of it, and close the connection."""
    body = reply.body
    assert isinstance(body, bytes)  # noqa: S101 -- this module builds its replies from bytes
    half = web.StreamResponse(headers={"Content-Type": reply.content_type, "Content-Length": str(len(body))})
    await half.prepare(request)
    await half.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return half
