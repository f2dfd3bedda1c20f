from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.types import Receive

from airflow_provider_rcs.receiver import bodies
from airflow_provider_rcs.receiver.bodies import read_body
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


def test_a_body_that_is_not_received_in_time_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "BODY_TIMEOUT", 0.05)

    with pytest.raises(RequestRefusedError) as refusal:
        asyncio.run(read_body({}, receiving(b"{", b'"')))

    assert refusal.value.response.status == 408
