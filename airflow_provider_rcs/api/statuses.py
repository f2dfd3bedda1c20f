"""The states of a message in the ledger, the delivery statuses that reports tell, and the codes that mean them."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class MessageState(StrEnum):
    """What the ledger knows of one recipient of a campaign; each recipient is in exactly one state."""

    PLANNED = "planned"
    SENDING = "sending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    DUPLICATE = "duplicate"
    SUPPRESSED = "suppressed"
    IN_DOUBT = "in_doubt"


class DeliveryStatus(StrEnum):
    """What the delivery reports say became of an accepted message, in the order in which one outranks another."""

    UNKNOWN = "unknown"
    SENT = "sent"
    DELAYED = "delayed"
    FAILED = "failed"
    DELIVERED = "delivered"
    READ = "read"
    CLICKED = "clicked"

    @property
    def rank(self) -> int:
        """How strongly the status counts: the higher one wins, whatever order the reports came in.

        Sent and delayed share a rank, so that between the two the later report wins.
        """
        return _RANKS[self]

    @property
    def rank_among_channels(self) -> int:
        """How strongly the latest status of one channel counts against those of the message's other channels.

        As ``rank``, but for one thing: sent and delayed outrank failed, because a message that failed by one channel
        and is under way by another may arrive yet.
        """
        return _RANKS_AMONG_CHANNELS[self]

    @property
    def is_final(self) -> bool:
        """Whether the message is done: nothing but a better final status can follow from the same channel."""
        return self.rank >= DeliveryStatus.FAILED.rank

    @property
    def is_delivered(self) -> bool:
        """Whether the message reached the phone; read and clicked messages did."""
        return self.rank >= DeliveryStatus.DELIVERED.rank


_RANKS = {
    DeliveryStatus.UNKNOWN: 0,
    DeliveryStatus.SENT: 1,
    DeliveryStatus.DELAYED: 1,
    DeliveryStatus.FAILED: 2,
    DeliveryStatus.DELIVERED: 3,
    DeliveryStatus.READ: 4,
    DeliveryStatus.CLICKED: 5,
}
_RANKS_AMONG_CHANNELS = {
    **_RANKS,
    DeliveryStatus.FAILED: _RANKS[DeliveryStatus.SENT],
    DeliveryStatus.SENT: _RANKS[DeliveryStatus.FAILED],
    DeliveryStatus.DELAYED: _RANKS[DeliveryStatus.FAILED],
}

DELIVERED_STATUSES = tuple(status for status in DeliveryStatus if status.is_delivered)

DEFAULT_STATUS_CODES: Mapping[str, DeliveryStatus] = {
    **dict.fromkeys(("10", "11"), DeliveryStatus.SENT),
    **dict.fromkeys(("52", "120", "121"), DeliveryStatus.DELAYED),
    **dict.fromkeys(("13", "14", "70", "106"), DeliveryStatus.DELIVERED),
    **dict.fromkeys(
        ("50", "51", "53", "54", "55", "101", "102", "103", "104", "110", "111", "112", "113"),
        DeliveryStatus.FAILED,
    ),
}
"""The vendor's public codes for SMS on the same account; that RCS shares them is assumed.

No code is known for read or clicked. Override any of them with the extra ``status_codes`` of the connection.
"""


def status_codes(overrides: Mapping[str, str]) -> dict[str, DeliveryStatus]:
    """Return the table of status codes of a connection: the defaults, overridden code by code.

    :param overrides: status code -> name of a :class:`DeliveryStatus`.
    :raises ValueError: if a name is not one of the statuses.
    """
    return {**DEFAULT_STATUS_CODES, **{str(code): DeliveryStatus(name) for code, name in overrides.items()}}
