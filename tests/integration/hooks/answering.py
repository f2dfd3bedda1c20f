"""A local server that answers what the test defines."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_MOST_AT_ONCE = 65_536
_LENGTH = re.compile(rb"^content-length: *([0-9]+)", re.IGNORECASE | re.MULTILINE)


def http(status: str, body: bytes = b"", **headers: str) -> bytes:
    """Return the bytes of an HTTP response, such as ``http("429 Too Many", Retry_After="0")``."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    lines = {"Content-Length": str(len(body)), "Connection": "close", **named}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


def read_request(connection: socket.socket) -> bytes:
    """Return a whole request, whose body may arrive after its head; nothing if the client has closed the connection."""
    request = b""
    while chunk := connection.recv(_MOST_AT_ONCE):
        request += chunk
        head, end, body = request.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if end and len(body) >= int(length[1] if length else 0):
            break
    return request


@contextmanager
def server_that_answers(*answers: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """Answer one request with each of these byte strings; yield the URL and the list of requests received."""
    requests: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            for answer in answers:
                try:
                    connection, _ = listener.accept()
                except OSError:  # closed, because the test is over
                    return
                with connection:
                    requests.append(read_request(connection))
                    connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", requests
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)
