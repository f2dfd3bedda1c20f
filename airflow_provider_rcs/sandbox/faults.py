"""What goes wrong with which send request, on order or by chance."""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_provider_rcs.sandbox.options import Trouble


class FaultKind(StrEnum):
    """Ways in which a send can go wrong."""

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
_NEEDED = {
    FaultKind.TIMEOUT_BEFORE: "seconds",
    FaultKind.TIMEOUT_AFTER: "seconds",
    FaultKind.LATE_REPLY: "seconds",
    FaultKind.STATUS: "status",
    FaultKind.STATUS_AFTER: "status",
    FaultKind.RES: "res",
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with a send.

    :param seconds: how long a connection is held, or a reply late.
    :param status: with which HTTP status it is answered.
    :param retry_after: seconds, as a header next to the status.
    :param res: with which result code it is refused.
    :raises ValueError: if what its kind needs is missing.
    """

    kind: FaultKind
    seconds: float | None = None
    status: int | None = None
    retry_after: int | None = None
    res: int | None = None

    def __post_init__(self) -> None:
        needed = _NEEDED.get(self.kind)
        if needed is not None and getattr(self, needed) is None:
            raise ValueError(f"fault {self.kind} needs {needed}")
        if self.seconds is not None and self.seconds < 0:
            raise ValueError(f"fault {self.kind}: seconds cannot be below 0")
        if self.status is not None and not 200 <= self.status <= 599:
            raise ValueError(f"fault {self.kind}: status must lie within 200 and 599")
        if self.res is not None and self.res > 0:
            raise ValueError(f"fault {self.kind}: res above 0 would tell of messages that were not accepted")

    @property
    def accepts(self) -> bool:
        """Whether the send is accepted, and only its sender does not learn it as it should."""
        return self.kind not in _BEFORE


class FaultPlan:
    """Counts the send requests and says what befalls each.

    :param seen: how many there were before, in the record that is continued.
    """

    def __init__(self, trouble: Trouble, seed: int, seen: int = 0) -> None:
        self._trouble = trouble
        self._seed = seed
        self._ordered: dict[int, Fault] = {}
        self.seen = seen

    @property
    def pending(self) -> int:
        return len(self._ordered)

    def order(self, entries: object) -> None:
        """Take orders on top of those already there.

        :param entries: objects with ``kind``, what it needs, and either ``request``, the number of a request to come,
            or ``next``, how many of the next ones that have no fault yet.
        :raises ValueError: if one of them cannot be; then none is taken.
        """
        if not isinstance(entries, list):
            raise ValueError("a list of faults is expected")  # noqa: TRY004 -- data that came over the wire
        ordered = dict(self._ordered)
        for entry in entries:
            fault, request, following = _read(entry)
            if request is not None:
                if request <= self.seen:
                    raise ValueError(f"request {request} is over: {self.seen} were seen")
                ordered[request] = fault
            number = self.seen
            for _ in range(following):
                number += 1
                while number in ordered:
                    number += 1
                ordered[number] = fault
        self._ordered = ordered

    def begin(self) -> tuple[int, Fault | None]:
        """Count a send request, and say its number and what goes wrong with it."""
        self.seen += 1
        return self.seen, self._ordered.pop(self.seen, None) or self._by_chance(self.seen)

    def _by_chance(self, number: int) -> Fault | None:
        chance = random.Random(f"{self._seed}:send:{number}")  # noqa: S311 -- must be repeatable, need not be secret
        if chance.random() < self._trouble.error_rate:
            return Fault(FaultKind.STATUS, status=500)
        if chance.random() < self._trouble.drop_rate:
            return Fault(FaultKind.RESET_AFTER)
        return None


def _read(entry: Any) -> tuple[Fault, int | None, int]:
    if not isinstance(entry, dict):
        raise ValueError("a fault is an object")  # noqa: TRY004 -- data that came over the wire
    fields = dict(entry)
    request, following = fields.pop("request", None), fields.pop("next", None)
    if (request is None) == (following is None):
        raise ValueError("a fault needs either request or next")
    if not isinstance(request or following, int) or (request or following) < 1:
        raise ValueError("request and next are whole numbers from 1 on")
    try:
        fault = Fault(FaultKind(fields.pop("kind", "")), **fields)
    except TypeError:
        raise ValueError(f"fault with unknown or misshapen fields: {', '.join(sorted(fields))}") from None
    return fault, request, following or 0
