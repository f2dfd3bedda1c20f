"""A local service over TLS and a local proxy that record the headers of requests."""

from __future__ import annotations

import selectors
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

_CREDIT = b'{"Res": 1, "Cred": 7}'


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.received: list[Message] = []

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that hang up; most tests expect them to."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version: ClassVar[str] = "HTTP/1.1"  # type: ignore[misc]

    def log_message(self, *_: object) -> None:
        """Write nothing to the tests' output."""


class _Service(_Handler):
    def do_POST(self) -> None:
        self.server.received.append(self.headers)
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(_CREDIT)))
        self.end_headers()
        self.wfile.write(_CREDIT)


class _Proxy(_Handler):
    def do_CONNECT(self) -> None:
        self.server.received.append(self.headers)
        host, _, port = self.path.partition(":")
        with socket.create_connection((host, int(port))) as service:
            self.send_response(200)
            self.end_headers()
            _relay(self.connection, service)
        self.close_connection = True


def _relay(client: socket.socket, service: socket.socket) -> None:
    with selectors.DefaultSelector() as selector:
        selector.register(client, selectors.EVENT_READ, service)
        selector.register(service, selectors.EVENT_READ, client)
        while True:
            for ready, _ in selector.select():
                assert isinstance(ready.fileobj, socket.socket)
                content = ready.fileobj.recv(65_536)
                if not content:
                    return
                ready.data.sendall(content)


@contextmanager
def service_over_tls(
    certificate: tuple[str, str], authority_of_clients: str | None = None
) -> Iterator[tuple[str, list[Message]]]:
    """Serve the call for the credit; yield the URL and the headers of the requests received.

    :param certificate: the server's certificate and key.
    :param authority_of_clients: require clients to have a certificate of this authority.
    """
    server = _Server(_Service)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    if authority_of_clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(authority_of_clients)
    # Shake hands in the request's thread: otherwise one client that hangs up stops the server.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    with _serving(server):
        yield f"https://localhost:{server.server_address[1]}", server.received


@contextmanager
def proxy() -> Iterator[tuple[str, list[Message]]]:
    """Serve as a proxy for TLS; yield host and port, and the headers of the requests for tunnels."""
    server = _Server(_Proxy)
    with _serving(server):
        yield f"127.0.0.1:{server.server_address[1]}", server.received


@contextmanager
def _serving(server: _Server) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()
