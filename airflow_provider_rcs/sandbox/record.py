"""The record of every accepted message."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

import orjson

from airflow_provider_rcs.sandbox.model import AcceptedMessage, AcceptedSend

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

# One below the document's examples. Fixed, so that a new sandbox repeats its ids, and with them everything random.
_SEND_ID_BEFORE_FIRST = 1_228_853_776
_MESSAGE_ID_BEFORE_FIRST = 108_366_477


class SandboxRecord:
    """An append-only record of accepted messages, one JSON line each.

    The lines of a send stay encoded in memory: a million messages as objects would fill it.

    :param path: file to append to, created if it is missing; None records in memory only.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.counts = CampaignCounts()
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
        """Record a send; when this returns, it is also written to the file."""
        lines = _encode(send)
        if self._file is not None:
            self._file.write(lines)
            self._file.flush()
        self._add(send, lines)

    def lines(self) -> Iterator[bytes]:
        """Yield the lines of each send, the newest last."""
        return iter(self._sends)

    def sends(self) -> Iterator[AcceptedSend]:
        return (_decode(lines) for lines in self._sends)

    def last_to(self, phone: str) -> tuple[AcceptedSend, AcceptedMessage] | None:
        """Return the last message to a phone with its send, if it got one."""
        wanted = orjson.dumps({"phone": phone})[1:-1]
        for lines in reversed(self._sends):
            if wanted in lines:
                send = _decode(lines)
                for message in send.messages:
                    if message.phone == phone:
                        return send, message
        return None

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _load(self, file: BinaryIO) -> None:
        file.seek(0)
        whole = 0
        for _, group in groupby(_whole_lines(file), key=_send_id):
            lines = b"".join(group)
            self._add(_decode(lines), lines)
            whole += len(lines)
        # A kill can leave a partial line of a message that no reply confirmed; left there, it would corrupt the next.
        file.truncate(whole)

    def _add(self, send: AcceptedSend, lines: bytes) -> None:
        self._sends.append(lines)
        self.counts.add(send)
        self.messages += len(send.messages)
        self.last_request = max(self.last_request, send.request)
        self.last_send_id = max(self.last_send_id, send.send_id)
        self.last_message_id = max(self.last_message_id, send.messages[-1].message_id)


class CampaignCounts:
    """Counts the accepted messages of each phone by campaign."""

    def __init__(self) -> None:
        self._by_campaign: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)

    def add(self, send: AcceptedSend) -> None:
        phones = [message.phone for message in send.messages]
        # Senders write their campaign before the dash, and after it what distinguishes one batch from the next.
        token = send.campaign_reference.partition("-")[0]
        self._by_campaign[send.template_id, token].update(phones)

    @property
    def twice(self) -> int:
        """Number of phones that were accepted more than once in one campaign."""
        return sum(count > 1 for phones in self._by_campaign.values() for count in phones.values())


def _encode(send: AcceptedSend) -> bytes:
    # The fields that all messages of a send share are encoded once: the record must not limit a sender's speed.
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
    # JSON escapes line breaks in strings, so each line break here separates two messages.
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
