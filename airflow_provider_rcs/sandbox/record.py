"""The record of everything that was accepted, in memory and in a file."""

from __future__ import annotations

from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

import orjson

from airflow_provider_rcs.sandbox.model import AcceptedMessage, AcceptedSend
from airflow_provider_rcs.sandbox.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

# One below the document's examples. Fixed, so that a fresh sandbox repeats its ids and with them all of its chance.
_SEND_ID_BEFORE_FIRST = 1_228_853_776
_MESSAGE_ID_BEFORE_FIRST = 108_366_477


class Record:
    """What was accepted, as JSON lines, a line a message; it only grows.

    The lines of a send are kept as they were written: as objects, a million messages would fill the memory.

    :param path: file to continue, or to begin if it is not there; none: memory only.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.tally = Tally()
        self.messages = 0
        self.last_request = 0
        self.last_send_id = _SEND_ID_BEFORE_FIRST
        self.last_message_id = _MESSAGE_ID_BEFORE_FIRST
        self._sends: list[bytes] = []
        self._file: BinaryIO | None = None
        if path is not None:
            self._file = path.open("a+b")
            self._load(self._file)

    def append(self, send: AcceptedSend) -> None:
        """Remember a send; when this returns, the file has it too."""
        lines = _encode(send)
        if self._file is not None:
            self._file.write(lines)
            self._file.flush()
        self._remember(send, lines)

    def lines(self) -> Iterator[bytes]:
        """Give the lines of each send, the newest last."""
        return iter(self._sends)

    def sends(self) -> Iterator[AcceptedSend]:
        return (_decode(lines) for lines in self._sends)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _load(self, file: BinaryIO) -> None:
        file.seek(0)
        whole = 0
        for _, group in groupby(_whole_lines(file), key=_send_id):
            lines = b"".join(group)
            self._remember(_decode(lines), lines)
            whole += len(lines)
        # Killed in the middle of a line, whose message was never answered for: it goes, or it would spoil the next.
        file.truncate(whole)

    def _remember(self, send: AcceptedSend, lines: bytes) -> None:
        self._sends.append(lines)
        self.tally.add(send)
        self.messages += len(send.messages)
        self.last_request = max(self.last_request, send.request)
        self.last_send_id = max(self.last_send_id, send.send_id)
        self.last_message_id = max(self.last_message_id, send.messages[-1].message_id)


def _encode(send: AcceptedSend) -> bytes:
    # What all messages of a send share is encoded once: the record must not be what a sender's speed is measured by.
    shared = orjson.dumps(
        {
            "request": send.request,
            "send_id": send.send_id,
            "template_id": send.template_id,
            "agent": send.agent,
            "campaign_reference": send.campaign_reference,
            "send_at": send.send_at,
            "quiet_hours": send.quiet_hours,
            "report": send.report,
            "accepted_at": send.accepted_at.isoformat(),
        }
    )
    own = b"\n".join(
        [
            orjson.dumps(
                {
                    "message_id": message.message_id,
                    "phone": message.phone,
                    "name": message.name,
                    "reference": message.reference,
                    "variables": message.variables,
                }
            )
            for message in send.messages
        ]
    )
    # Within JSON text a line break is always escaped, so every one of them stands between two messages.
    return shared[:-1] + b"," + own[1:].replace(b"\n{", b"\n" + shared[:-1] + b",") + b"\n"


def _decode(lines: bytes) -> AcceptedSend:
    entries: list[dict[str, Any]] = [orjson.loads(line) for line in lines.splitlines()]
    first = entries[0]
    return AcceptedSend(
        request=first["request"],
        send_id=first["send_id"],
        template_id=first["template_id"],
        agent=first["agent"],
        campaign_reference=first["campaign_reference"],
        send_at=first["send_at"],
        quiet_hours=first["quiet_hours"],
        report=first["report"],
        accepted_at=datetime.fromisoformat(first["accepted_at"]),
        messages=[
            AcceptedMessage(entry["message_id"], entry["phone"], entry["name"], entry["reference"], entry["variables"])
            for entry in entries
        ],
    )


def _whole_lines(file: BinaryIO) -> Iterator[bytes]:
    return (line for line in file if line.endswith(b"\n"))


def _send_id(line: bytes) -> int:
    send_id: int = orjson.loads(line)["send_id"]
    return send_id
