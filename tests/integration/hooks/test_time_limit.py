"""Each call ends in time, and says whether anything was sent, however slowly the service answers."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from airflow_provider_rcs.api.errors import RcsOutcomeUnknown, RcsUnavailable
from airflow_provider_rcs.hooks.rcs import RcsHook
from tests.integration.hooks.answering import http
from tests.integration.hooks.test_rcs import REQUEST

REPLY = http("200 OK", b"{" + b" " * 5_000 + b"}")


@contextmanager
def slow_server(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """Answer one connection as the function does, until the test ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                try:
                    answer(connection)
                except OSError:  # The client has gone.
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def hook(monkeypatch: pytest.MonkeyPatch, url: str) -> RcsHook:
    fields = {
        "conn_type": "rcs",
        "host": url,
        "login": "demo",
        "password": "demo-token",
        "extra": {"timeout": 0.3, "connect_timeout": 0.3, "verify": False},
    }
    monkeypatch.setenv("AIRFLOW_CONN_RCS_DEFAULT", json.dumps(fields))
    return RcsHook()


def byte_by_byte(reply: bytes) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        connection.recv(65_536)
        for byte in reply:
            connection.sendall(bytes([byte]))
            time.sleep(0.1)

    return answer


@pytest.mark.parametrize("at_once", [0, len(REPLY) - 5_000], ids=["headers", "body"])
def test_a_reply_that_arrives_byte_by_byte_leaves_the_send_in_doubt(
    monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    def answer(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(REPLY[:at_once])
        byte_by_byte(REPLY[at_once:])(connection)

    with slow_server(answer) as address, pytest.raises(RcsOutcomeUnknown, match="no reply .(Read)?TimeoutError"):
        hook(monkeypatch, f"http://{address}").send(REQUEST)


def test_a_handshake_that_arrives_byte_by_byte_proves_that_nothing_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    # The head of a TLS record of 16 KiB.
    record = b"\x16\x03\x03\x40\x00" + b"\x00" * 16_384

    with slow_server(byte_by_byte(record)) as address, pytest.raises(RcsUnavailable, match="Nothing was sent"):
        hook(monkeypatch, f"https://{address}").send(REQUEST)


def test_a_look_up_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with slow_server(byte_by_byte(REPLY)) as address:
        works, message = hook(monkeypatch, f"http://{address}").test_connection()

    assert (works, "no reply (" in message, "TimeoutError)" in message) == (False, True, True)


def test_a_request_whose_thread_cannot_start_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    calling = hook(monkeypatch, "http://127.0.0.1:1")
    monkeypatch.setattr(threading.Thread, "start", fail)

    with pytest.raises(RcsUnavailable, match="Nothing was sent"):
        calling.send(REQUEST)
