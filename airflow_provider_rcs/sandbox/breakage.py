"""Ways to leave a client without the reply that it waits for."""

from __future__ import annotations

import asyncio
import socket
import struct

from aiohttp import web

from airflow_provider_rcs.sandbox.faults import Fault, FaultKind

_PAGE = "<!DOCTYPE html><html><head><title>Mantenimiento</title></head><body><h1>Volvemos pronto</h1></body></html>"
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def reset(request: web.Request) -> web.Response:
    """Reset the connection; what is returned never leaves."""
    transport = request.transport
    if transport is not None:
        # Without this, closing says goodbye in an orderly way, and the client sees an end in place of a reset.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        transport.abort()
    return web.Response()


async def broken_reply(request: web.Request, fault: Fault, reply: web.Response) -> web.StreamResponse:
    """Give what the client gets in place of, or made of, the reply that it should have had."""
    match fault.kind:
        case FaultKind.REFUSE | FaultKind.RESET_AFTER:
            return reset(request)
        case FaultKind.TIMEOUT_BEFORE | FaultKind.TIMEOUT_AFTER:
            await asyncio.sleep(fault.seconds or 0)
            return reset(request)
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
    return reply


async def _cut(request: web.Request, reply: web.Response) -> web.StreamResponse:
    """Announce the whole reply, send half of it, and close."""
    body = reply.body
    assert isinstance(body, bytes)  # noqa: S101 -- replies are written by this package, and in one piece
    half = web.StreamResponse(headers={"Content-Type": reply.content_type, "Content-Length": str(len(body))})
    await half.prepare(request)
    await half.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return half
