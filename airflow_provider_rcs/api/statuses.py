"""What the ledger and the delivery reports say of a message."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class MessageState(StrEnum):
    """The state of a message in the ledger; each recipient of a campaign is in exactly one state."""

    PLANNED = "planned"
    SENDING = "sending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    DUPLICATE = "duplicate"
    SUPPRESSED = "suppressed"
    IN_DOUBT = "in_doubt"


class DeliveryStatus(StrEnum):
    """The delivery status of an accepted message, by its reports; later members outrank earlier ones."""

    UNKNOWN = "unknown"
    SENT = "sent"
    DELAYED = "delayed"
    FAILED = "failed"
    DELIVERED = "delivered"
    READ = "read"
    CLICKED = "clicked"

    @property
    def rank(self) -> int:
        """The status's rank: of two reports, the one with the higher rank wins, whatever order they arrive in.

        Sent and delayed share a rank: between these two, the later report wins.
        """
        return _RANKS[self]

    @property
    def rank_among_channels(self) -> int:
        """The rank of one channel's status against those of the message's other channels.

        Like ``rank``, except that sent and delayed outrank failed: a message that failed on one channel and is in
        flight on another may still be delivered.
        """
        return _RANKS_AMONG_CHANNELS[self]

    @property
    def is_final(self) -> bool:
        """Whether only a final status of a higher rank can follow on the same channel."""
        return self.rank >= DeliveryStatus.FAILED.rank

    @property
    def is_delivered(self) -> bool:
        """Whether the message reached the phone, as read and clicked messages did too."""
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
"""The vendor's codes for SMS on the same account (public); that RCS uses the same codes is assumed.

No code for read or clicked is known. The connection's extra ``status_codes`` overrides any of them.
"""


def status_codes(overrides: Mapping[str, str]) -> dict[str, DeliveryStatus]:
    """Return status code -> status for a connection: the default codes with its overrides.

    :param overrides: status code -> name of a :class:`DeliveryStatus`.
    :raises ValueError: if a name is not one of the statuses.
    """
    return {**DEFAULT_STATUS_CODES, **{str(code): DeliveryStatus(name) for code, name in overrides.items()}}
