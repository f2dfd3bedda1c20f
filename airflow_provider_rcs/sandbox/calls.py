"""The four calls of the API, over HTTP."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakSet

from aiohttp import web

from airflow_provider_rcs.sandbox.authentication import carries
from airflow_provider_rcs.sandbox.breakage import broken_reply, reset
from airflow_provider_rcs.sandbox.faults import FaultKind
from airflow_provider_rcs.sandbox.options import WrongCredentials
from airflow_provider_rcs.sandbox.rate_limit import RateLimit
from airflow_provider_rcs.sandbox.reading import (
    Parameters,
    asks_for_json,
    lower_names,
    read_parameters,
    read_send,
    read_template,
)
from airflow_provider_rcs.sandbox.refusals import RefusalError, WrongCredentialsError
from airflow_provider_rcs.sandbox.replies import (
    Reply,
    credit_reply,
    refusal_reply,
    send_reply,
    templates_reply,
    variables_reply,
    write_old_reply,
    write_reply,
)

if TYPE_CHECKING:
    from asyncio import Transport
    from collections.abc import Callable

    from airflow_provider_rcs.sandbox.faults import FaultPlan
    from airflow_provider_rcs.sandbox.options import SandboxOptions
    from airflow_provider_rcs.sandbox.pusher import Pusher
    from airflow_provider_rcs.sandbox.service import Service

log = logging.getLogger(__name__)

_HEARD = 20


class Heard(NamedTuple):
    """A call that could be read, with its parameters as they were written."""

    call: str
    content_type: str
    parameters: Parameters


class Calls:
    """Ties authentication, reading, the service and the replies together, and breaks what is to be broken."""

    def __init__(self, options: SandboxOptions, service: Service, faults: FaultPlan, pusher: Pusher) -> None:
        self.refused_credentials = 0
        self.rate_limited = 0
        self.connections = 0
        self.heard: deque[Heard] = deque(maxlen=_HEARD)
        self._options = options
        self._service = service
        self._faults = faults
        self._pusher = pusher
        self._rate = RateLimit(options.trouble.max_requests_per_second)
        self._known_connections: WeakSet[Transport] = WeakSet()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/EnviarRCS", self._send),
            web.post("/GetPlantillasRCS", self._templates),
            web.post("/GetVariablesPlantillaRCS", self._variables),
            web.post("/GetCreditos", self._credit),
        ]

    async def _send(self, request: web.Request) -> web.StreamResponse:
        if not self._admits(request):
            return _too_many()
        number, fault = self._faults.begin()
        if fault is not None and fault.kind is FaultKind.REFUSE:
            # Before the body is read, as a server does that has no more room.
            return reset(request)
        body = await request.read()
        if fault is not None and not fault.accepts and fault.kind is not FaultKind.RES:
            return await broken_reply(request, fault, web.Response())

        def send(parameters: Parameters) -> Reply:
            if fault is not None and fault.res is not None:
                raise RefusalError("Rechazado a petición de la prueba", fault.res)
            outcome = self._service.send(read_send(parameters, self._options.account, self._options.wire), number)
            if outcome.accepted is not None and outcome.accepted.report and self._pusher.target is not None:
                self._pusher.add(outcome.accepted)
            return send_reply(outcome, self._options.wire)

        reply = self._answer(request, body, send, f"send {number}")
        if self._options.trouble.latency:
            await asyncio.sleep(self._options.trouble.latency)
        return reply if fault is None else await broken_reply(request, fault, reply)

    async def _templates(self, request: web.Request) -> web.Response:
        return await self._look_up(
            request, lambda _: templates_reply(self._options.account.templates, self._options.wire)
        )

    async def _variables(self, request: web.Request) -> web.Response:
        return await self._look_up(
            request,
            lambda parameters: variables_reply(read_template(parameters, self._options.account), self._options.wire),
        )

    async def _credit(self, request: web.Request) -> web.Response:
        return await self._look_up(request, lambda _: credit_reply(self._service.credit))

    async def _look_up(self, request: web.Request, act: Callable[[Parameters], Reply]) -> web.Response:
        if not self._admits(request):
            return _too_many()
        return self._answer(request, await request.read(), act, request.path)

    def _answer(
        self, request: web.Request, body: bytes, act: Callable[[Parameters], Reply], title: str
    ) -> web.Response:
        """Do what is asked, or refuse it, and write the reply as it was asked for."""
        account, wire = self._options.account, self._options.wire
        authorised = carries(request.headers.get("Authorization"), account.login, account.password)
        if not authorised:
            self.refused_credentials += 1
            if wire.wrong_credentials is WrongCredentials.STATUS:
                log.info("%s: 401", title)
                return web.Response(status=401, text="401\n", headers={"WWW-Authenticate": 'Basic realm="API"'})
        for_json = False
        try:
            written = read_parameters(body, request.content_type)
            self.heard.append(Heard(request.path, request.content_type, written))
            parameters = lower_names(written)
            for_json = asks_for_json(parameters)
            if not authorised:
                raise WrongCredentialsError
            reply = act(parameters)
        except RefusalError as refusal:
            reply = refusal_reply(refusal)
        log.info("%s: %d bytes, result %s", title, len(body), reply["Res"])
        if for_json:
            return web.Response(body=write_reply(reply, wire), content_type="application/json")
        return web.Response(body=write_old_reply(reply), content_type="text/plain")

    def _admits(self, request: web.Request) -> bool:
        """Count the connection, and the request if there is no room for it."""
        transport = request.transport
        if transport is not None and transport not in self._known_connections:
            self._known_connections.add(transport)
            self.connections += 1
        admitted = self._rate.admits()
        self.rate_limited += not admitted
        return admitted


def _too_many() -> web.Response:
    return web.Response(status=429, text="429\n", headers={"Retry-After": "1"})
