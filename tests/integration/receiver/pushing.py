"""Pushing many reports at once, over plain sockets, because an HTTP client would be slower than the receiver."""

from __future__ import annotations

import asyncio
import time
from base64 import b64encode
from collections import Counter
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tests.receiver_process import ReceiverProcess


_SECONDS_BETWEEN_REPEATS = 0.2


def report_fields(number: int) -> dict[str, str]:
    """Return the fields of a report with a message id of its own."""
    return {
        "Servicio": "RCS",
        "Estado": "13",
        "Agente": "my-rcs-agent",
        "Destinatario": f"346{number % 100_000_000:08d}",
        "RefCampaign": "spring-1",
        "RefMensaje": f"customer-{number}",
        "Fecha": "2026-03-01 11:14:24",
        "idCampaign": "10573758",
        "idMensaje": str(number),
    }


class Pushes:
    """Pushes reports to receivers over many connections at once, and records the responses.

    :param receivers: the connections are spread over them.
    :param seconds_to_repeat: for how long a report that is answered 503 is pushed again, as the service does: on a slow
        disk, neither store nor spool may have saved it in time. Only its last response is recorded.
    """

    def __init__(
        self, receivers: Sequence[ReceiverProcess], connections: int = 64, seconds_to_repeat: float = 0.0
    ) -> None:
        self._receivers = receivers
        self._connections = connections
        self._seconds_to_repeat = seconds_to_repeat
        self.committed: set[int] = set()
        self.statuses: Counter[int] = Counter()
        self.slowest = 0.0

    async def push(self, numbers: Iterable[int]) -> None:
        """Push a report for each number; a connection that breaks is not opened again."""
        shared = iter(numbers)
        await asyncio.gather(
            *(
                self._push_over_one(self._receivers[each % len(self._receivers)], shared)
                for each in range(self._connections)
            )
        )

    async def _push_over_one(self, receiver: ReceiverProcess, numbers: Iterator[int]) -> None:
        address = urlsplit(receiver.url)
        credentials = b64encode(f"{receiver.login}:{receiver.password}".encode()).decode()
        head = (
            f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Basic {credentials}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        )
        try:
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            for number in numbers:
                body = orjson.dumps(report_fields(number))
                end = time.monotonic() + self._seconds_to_repeat
                while (status := await self._push_one(reader, writer, head, body)) == 503 and time.monotonic() < end:
                    await asyncio.sleep(_SECONDS_BETWEEN_REPEATS)
                self.statuses[status] += 1
                if status == 200:
                    self.committed.add(number)
            writer.close()
        except (OSError, EOFError):
            return

    async def _push_one(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: str, body: bytes
    ) -> int:
        started = time.monotonic()
        writer.write(f"{head}{len(body)}\r\n\r\n".encode() + body)
        status = await _read_status(reader)
        self.slowest = max(self.slowest, time.monotonic() - started)
        return status


async def _read_status(reader: asyncio.StreamReader) -> int:
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    await reader.readexactly(length)
    return int(head.split(b" ", 2)[1])
