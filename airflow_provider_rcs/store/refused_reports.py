"""What was pushed with the right credentials and could not be understood, kept whole for a person to look at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class RefusedReport:
    """A body that could not be understood, or one of whose reports could not.

    :param reason: why, without anything of it.
    :param content_type: what the request said it is.
    :param body: the body, byte by byte as it came.
    """

    reason: str
    content_type: str
    body: bytes = field(repr=False)


def rows_of(refused: Iterable[RefusedReport], received_at: datetime) -> list[dict[str, Any]]:
    """Return the rows in which they are kept."""
    return [
        {"received_at": received_at, "reason": each.reason, "content_type": each.content_type, "body": each.body}
        for each in refused
    ]
