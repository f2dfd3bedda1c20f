from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.types import Receive

from airflow_provider_rcs.receiver import bodies
from airflow_provider_rcs.receiver.bodies import ClientDisconnectedError, read_body
from airflow_provider_rcs.receiver.responses import RequestRefusedError


def receiving(*bodies: bytes) -> Receive:
    """Return an ASGI ``receive`` that gives a body in pieces, after which the client sends nothing more."""
    pieces = list(bodies)

    async def receive() -> Any:
        if not pieces:
            await asyncio.sleep(60)
        return {"type": "http.request", "body": pieces.pop(0), "more_body": True}

    return receive


def test_a_body_whose_content_length_exceeds_the_limit_is_refused_unread() -> None:
    async def receive() -> Any:
        pytest.fail("the body was read")

    with pytest.raises(RequestRefusedError) as refusal:
        asyncio.run(read_body({b"content-length": b"65537"}, receive))

    assert refusal.value.response.status == 413


def test_a_body_as_large_as_the_limit_is_read() -> None:
    async def receive() -> Any:
        return {"type": "http.request", "body": b" " * 64 * 1024}

    assert len(asyncio.run(read_body({}, receive))) == 64 * 1024
    assert len(asyncio.run(read_body({b"content-length": b"65536"}, receive))) == 64 * 1024


def test_a_message_without_a_body_is_an_empty_body() -> None:
    async def receive() -> Any:
        return {"type": "http.request"}

    assert asyncio.run(read_body({}, receive)) == b""


def test_a_content_length_that_is_no_number_does_not_count() -> None:
    async def receive() -> Any:
        return {"type": "http.request", "body": b"{}"}

    assert asyncio.run(read_body({b"content-length": b"many"}, receive)) == b"{}"


def test_pieces_that_are_larger_together_than_the_limit_are_refused() -> None:
    half = b" " * 32 * 1024

    with pytest.raises(RequestRefusedError) as refusal:
        asyncio.run(read_body({}, receiving(half, half, b" ")))

    assert refusal.value.response.status == 413


def test_a_body_that_is_not_received_in_time_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_TIMEOUT", 0.05)

    with pytest.raises(RequestRefusedError) as refusal:
        asyncio.run(read_body({}, receiving(b"{", b'"')))

    assert refusal.value.response.status == 408


def test_a_client_that_disconnects_before_the_end_is_not_answered() -> None:
    async def receive() -> Any:
        return {"type": "http.disconnect"}

    with pytest.raises(ClientDisconnectedError):
        asyncio.run(read_body({}, receive))
