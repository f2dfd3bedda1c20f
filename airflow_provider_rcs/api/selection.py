"""Which part of a list a task sends to: a shard of it, a share of it, or all of it."""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_rcs.api.errors import RcsInputError

if TYPE_CHECKING:
    from airflow_provider_rcs.api.recipients import ListedRecipients

_SHARD = re.compile(r"([1-9][0-9]*)/([1-9][0-9]*)")
_SHARD_REMEDY = 'Give one of what shards(4) returns, such as "2/4", or leave it out.'
_HASHES = 2**64


def shards(count: int) -> list[str]:
    """Return the names of the shards that a list is split into, such as ``["1/2", "2/2"]``: one for each task.

    For ``SqlToRcsOperator.partial(...).expand(shard=shards(4))``.

    :raises RcsInputError: if it is not a whole number of 1 or more.
    """
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise RcsInputError("shards", f"{count!r} is not a whole number of 1 or more", "Write shards(4), for four.")
    return [f"{number}/{count}" for number in range(1, count + 1)]


@dataclass(frozen=True, slots=True)
class Selection:
    """A part of a list, chosen by what tells its recipients apart: the same ones wherever and whenever it is chosen.

    Each recipient is in exactly one of the shards of a list, and a larger share contains a smaller one. The one says
    nothing about the other: a share of a list is spread evenly over its shards.

    :param shard: number and count, such as ``(2, 4)`` for the second of four; ``(1, 1)`` is everybody.
    :param share: of everybody, above 0 and up to 1, which is everybody.
    """

    shard: tuple[int, int] = (1, 1)
    share: float = 1.0

    @property
    def is_shard(self) -> bool:
        """Whether there are other shards of the list."""
        return self.shard != (1, 1)

    @property
    def shard_name(self) -> str:
        """What the shard is called, such as ``"2/4"``."""
        return "{}/{}".format(*self.shard)

    def of(self, listed: ListedRecipients) -> ListedRecipients:
        """Return those of the recipients that are in this part, in their order."""
        if self.is_shard:
            number, count = self.shard
            listed = listed.where([_hash(b"shard", key) % count == number - 1 for key in listed.keys])
        if self.share < 1:
            below = self.share * _HASHES
            listed = listed.where([_hash(b"share", key) < below for key in listed.keys])
        return listed


def read_selection(shard: object, share: object) -> Selection:
    """Return a part of a list from what a task was told.

    :param shard: a text such as ``"2/4"``, or ``None`` for no shard.
    :param share: a number, or the text of one.
    :raises RcsInputError: if one of them cannot be read.
    """
    return Selection((1, 1) if shard is None else _read_shard(shard), _read_share(share))


def _read_shard(value: object) -> tuple[int, int]:
    match = _SHARD.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise RcsInputError("shard", f"{value!r} is not a shard", _SHARD_REMEDY)
    number, count = map(int, match.groups())
    if number > count:
        raise RcsInputError("shard", f"{value!r} is beyond the last one, {count}/{count}", _SHARD_REMEDY)
    return number, count


def _read_share(value: object) -> float:
    try:
        share = math.nan if isinstance(value, bool) else float(str(value))
    except ValueError:
        share = math.nan
    if not 0 < share <= 1:
        raise RcsInputError(
            "share", f"{value!r} is not a share of the list", "Give a number above 0 and up to 1, such as 0.01."
        )
    return share


def _hash(kind: bytes, key: str) -> int:
    # No cheap checksum: CRCs of one key under two salts differ by a constant, so a share would fall in a few shards.
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8, person=kind).digest(), "big")
