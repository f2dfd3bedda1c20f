"""A client of the API that is independent of the provider, to check the sandbox's real replies."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from tests.sandbox_process import SandboxProcess

PHONES = ("34600000001", "34600000002")


def send_parameters(*phones: str, **changes: Any) -> dict[str, Any]:
    """Return the parameters of a valid send."""
    recipients = [
        {"Nombre": f"Ana {number}", "Telefono": phone, "Referencia": f"R{number}"}
        for number, phone in enumerate(phones or PHONES, 1)
    ]
    return {"Plantilla": "1234569", "Destinatarios": recipients, "Resp": "JSON"} | changes


def post(
    sandbox: SandboxProcess, call: str, parameters: dict[str, Any], password: str | None = None, timeout: float = 10
) -> requests.Response:
    credentials = (sandbox.login, sandbox.password if password is None else password)
    return requests.post(f"{sandbox.url}/{call}", json=parameters, auth=credentials, timeout=timeout)


def send(sandbox: SandboxProcess, *phones: str, timeout: float = 10, **changes: Any) -> requests.Response:
    return post(sandbox, "EnviarRCS", send_parameters(*phones, **changes), timeout=timeout)


def send_and_read_raw(sandbox: SandboxProcess) -> bytes:
    """Send, and return every byte until the connection closes, which no HTTP library would do."""
    request = requests.Request(
        "POST", f"{sandbox.url}/EnviarRCS", json=send_parameters(), auth=(sandbox.login, sandbox.password)
    ).prepare()
    assert isinstance(request.body, bytes)
    host, _, port = sandbox.url.removeprefix("http://").partition(":")
    headers = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(f"POST /EnviarRCS HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n".encode() + request.body)
        received = b""
        while part := connection.recv(65_536):
            received += part
    return received
