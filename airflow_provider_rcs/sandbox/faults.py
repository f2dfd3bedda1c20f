"""The faults of send requests, scheduled through the control calls."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class FaultKind(StrEnum):
    """The ways in which a send can fail."""

    REFUSE = "refuse"
    TIMEOUT_BEFORE = "timeout_before"
    HTML_BEFORE = "html_before"
    EMPTY_BEFORE = "empty_before"
    STATUS = "status"
    RES = "res"
    RESET_AFTER = "reset_after"
    TIMEOUT_AFTER = "timeout_after"
    CUT_REPLY = "cut_reply"
    HTML = "html"
    EMPTY = "empty"
    STATUS_AFTER = "status_after"
    LATE_REPLY = "late_reply"
    REFUSAL_NAMES_SENT = "refusal_names_sent"


_BEFORE = frozenset(
    {
        FaultKind.REFUSE,
        FaultKind.TIMEOUT_BEFORE,
        FaultKind.HTML_BEFORE,
        FaultKind.EMPTY_BEFORE,
        FaultKind.STATUS,
        FaultKind.RES,
    }
)
_REQUIRED_FIELDS = {
    FaultKind.TIMEOUT_BEFORE: "seconds",
    FaultKind.TIMEOUT_AFTER: "seconds",
    FaultKind.LATE_REPLY: "seconds",
    FaultKind.STATUS: "status",
    FaultKind.STATUS_AFTER: "status",
    FaultKind.RES: "res",
    FaultKind.REFUSAL_NAMES_SENT: "res",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of one send.

    :param seconds: how long the connection is held open, or the reply delayed.
    :param status: HTTP status of the reply; by default that of a proper one.
    :param retry_after: seconds, as the ``Retry-After`` header of that reply.
    :param res: result code with which the send is refused.
    :raises ValueError: if a field that the kind requires is missing, or a value is out of range.
    """

    kind: FaultKind
    seconds: float | None = None
    status: int | None = None
    retry_after: int | None = None
    res: int | None = None

    def __post_init__(self) -> None:
        required = _REQUIRED_FIELDS.get(self.kind)
        if required is not None and getattr(self, required) is None:
            raise ValueError(f"fault {self.kind} requires {required}")
        if self.seconds is not None and self.seconds < 0:
            raise ValueError(f"fault {self.kind}: seconds must not be negative")
        if self.status is not None and not 200 <= self.status <= 599:
            raise ValueError(f"fault {self.kind}: status must be between 200 and 599")
        if self.res is not None and self.res > 0:
            raise ValueError(f"fault {self.kind}: res above 0 would report messages that were not accepted")

    @property
    def accepts(self) -> bool:
        """Whether the service accepts the send although the sender gets no proper reply."""
        return self.kind not in _BEFORE


class FaultPlan:
    """Counts the send requests, and decides the fault of each.

    :param seen: number of earlier requests, in a record that is continued.
    """

    def __init__(self, seen: int = 0) -> None:
        self._scheduled: dict[int, Fault] = {}
        self.seen = seen

    @property
    def pending(self) -> int:
        return len(self._scheduled)

    def schedule(self, entries: object) -> None:
        """Add faults to those already scheduled.

        :param entries: objects with ``kind``, the fields it requires, and either ``request``, the number of a future
            request, or ``next``, how many of the next requests without a fault.
        :raises ValueError: if one of them is invalid; then none is scheduled.
        """
        if not isinstance(entries, list):
            raise ValueError("expected a list of faults")  # noqa: TRY004 -- data that came over the wire
        scheduled = dict(self._scheduled)
        for entry in entries:
            fault, request, following = _parse(entry)
            if request is not None:
                if request <= self.seen:
                    raise ValueError(f"request {request} has passed: {self.seen} were received")
                scheduled[request] = fault
            number = self.seen
            for _ in range(following):
                number += 1
                while number in scheduled:
                    number += 1
                scheduled[number] = fault
        self._scheduled = scheduled

    def begin(self) -> tuple[int, Fault | None]:
        """Count a send request, and return its number with its fault, if it has one."""
        self.seen += 1
        return self.seen, self._scheduled.pop(self.seen, None)


def _parse(entry: Any) -> tuple[Fault, int | None, int]:
    if not isinstance(entry, dict):
        raise ValueError("a fault must be an object")  # noqa: TRY004 -- data that came over the wire
    fields = dict(entry)
    request, following = fields.pop("request", None), fields.pop("next", None)
    if (request is None) == (following is None):
        raise ValueError("a fault requires either request or next")
    if not isinstance(request or following, int) or (request or following) < 1:
        raise ValueError("request and next must be whole numbers of at least 1")
    try:
        fault = Fault(FaultKind(fields.pop("kind", "")), **fields)
    except TypeError:
        raise ValueError(f"fault with unknown or invalid fields: {', '.join(sorted(fields))}") from None
    return fault, request, following or 0
