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

_SENT_ON = ("0", "2", "10", "12", "31", "500", "999", "1000", "1002")
_SCHEDULED = ("1", "1001", "1005", "1006")
_TRIED_AGAIN = ("52", "120", "121", "122", "134", "135", "1003", "1004", "1007")
_DELIVERED = ("11", "13", "14", "70", "106")
_BY_ANOTHER_CHANNEL = ("512",)
_FAILED = (
    *("22", "23", "24", "25", "26", "27", "28", "29"),
    *("50", "51", "53", "54", "55"),
    *("101", "102", "103", "104", "110", "111", "112", "113"),
    *("130", "131", "132", "133", "136", "137", "140", "141", "150", "200"),
)

DEFAULT_STATUS_CODES: Mapping[str, DeliveryStatus] = {
    **dict.fromkeys(_SENT_ON, DeliveryStatus.SENT),
    **dict.fromkeys((*_SCHEDULED, *_TRIED_AGAIN), DeliveryStatus.DELAYED),
    **dict.fromkeys((*_DELIVERED, *_BY_ANOTHER_CHANNEL), DeliveryStatus.DELIVERED),
    **dict.fromkeys(_FAILED, DeliveryStatus.FAILED),
}
"""The codes of SMS on the same account, which RCS is assumed to share.

Their source is the vendor's PDF of version 5.8 (public). Clients of the same API agree on 10, 13, 14, 70, 106 and the
failures, and one of version 7 on 11, delivered to the phone; another one, untested, took 11 for queued. 52 is doubtful.
1006 waits for the end of a forbidden interval, 29 is cancelled, 200 is refused by the operator, and 512, redirected to
a voice call, is final. Any other code is unknown and never final.

No code for read or clicked is known. The connection's extra ``status_codes`` overrides any of them.
"""


def status_codes(overrides: Mapping[str, str]) -> dict[str, DeliveryStatus]:
    """Return status code -> status for a connection: the default codes with its overrides.

    :param overrides: status code -> name of a :class:`DeliveryStatus`.
    :raises ValueError: if a name is not one of the statuses.
    """
    return {**DEFAULT_STATUS_CODES, **{str(code): DeliveryStatus(name) for code, name in overrides.items()}}
