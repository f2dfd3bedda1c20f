from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvicorn
import uvloop

from airflow_provider_rcs.receiver import http_protocol
from airflow_provider_rcs.receiver.http_protocol import LimitedHeadProtocol

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def hello(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.sleep(0.4)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


def received_after(*sent: bytes) -> bytes:
    """Send parts of requests to a server, slowly, and return what it sends until it closes the connection."""

    async def go() -> bytes:
        config = uvicorn.Config(hello, http=LimitedHeadProtocol, lifespan="off", log_config=None, timeout_keep_alive=1)
        config.load()
        state = uvicorn.Server(config).server_state
        server = await asyncio.get_running_loop().create_server(
            lambda: LimitedHeadProtocol(config=config, server_state=state, app_state={}), "127.0.0.1", 0
        )
        async with server, asyncio.timeout(10):
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            for part in sent:
                writer.write(part)
                await asyncio.sleep(0.05)
            try:
                received = await reader.read()
            except ConnectionResetError:
                received = b""
            writer.close()
        return received

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(go())


@pytest.fixture(autouse=True)
def short_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_TIMEOUT", 0.2)


@pytest.mark.parametrize("sent", [[], [b"GET / HTTP/1.1\r\n"], [b"GET / HT", b"TP/1.1\r\n", b"A: b\r\n"]])
def test_a_connection_with_an_incomplete_head_is_closed(sent: list[bytes]) -> None:
    assert received_after(*sent) == b""


def test_a_connection_with_an_endless_head_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_TIMEOUT", 60)

    assert b"hello" not in received_after(b"GET / HTTP/1.1\r\nX: ", *[b"x" * 40_000] * 3)


def test_a_response_may_take_longer_than_a_head() -> None:
    assert received_after(REQUEST).endswith(b"hello")


def test_the_head_of_a_second_request_on_a_connection_is_limited_too() -> None:
    received = received_after(REQUEST, *[b""] * 10, REQUEST[:5])

    assert received.count(b"hello") == 1


def test_two_requests_on_a_connection_are_answered() -> None:
    assert received_after(REQUEST, REQUEST).count(b"hello") == 2


def test_the_head_of_a_second_request_on_a_connection_may_come_in_parts() -> None:
    received = received_after(REQUEST, *[b""] * 10, REQUEST[:5], REQUEST[5:])

    assert received.count(b"hello") == 2
