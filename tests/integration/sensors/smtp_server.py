"""A server that takes mails over SMTP and keeps them."""

from __future__ import annotations

import socketserver
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from threading import Thread


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Dialogue)
        self.mails: list[EmailMessage] = []


class _Dialogue(socketserver.StreamRequestHandler):
    """Answers the commands that a client needs to send mails."""

    server: _Server

    def handle(self) -> None:
        self._answer("220 ready")
        while line := self.rfile.readline():
            match line[:4].strip().upper():
                case b"DATA":
                    self._answer("354 go on")
                    self.server.mails.append(self._read_mail())
                    self._answer("250 taken")
                case b"QUIT":
                    self._answer("221 bye")
                    return
                case _:
                    self._answer("250 ok")

    def _read_mail(self) -> EmailMessage:
        lines = iter(self.rfile.readline, b".\r\n")
        text = b"".join(line[1:] if line.startswith(b"..") else line for line in lines)
        return message_from_bytes(text, policy=policy.default)

    def _answer(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


@contextmanager
def smtp_server() -> Iterator[tuple[int, list[EmailMessage]]]:
    """Run the server, and yield its port and the mails that it has taken."""
    with _Server() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1], server.mails
        finally:
            server.shutdown()
