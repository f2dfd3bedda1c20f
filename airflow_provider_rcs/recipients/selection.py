"""Which part of a list a task sends to: a shard of it, a sample of it, or all of it."""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_rcs.api.errors import RcsInputError

if TYPE_CHECKING:
    from airflow_provider_rcs.recipients.columns import ListedRecipients

_SHARD = re.compile(r"([1-9][0-9]*)/([1-9][0-9]*)")


_SHARD_REMEDY = 'Give one of what shards(4) returns, such as "2/4", or leave it out.'


_HASHES = 2**64


@dataclass(frozen=True, slots=True)
class Selection:
    """A part of a list, chosen by what tells its recipients apart: the same ones wherever and whenever it is chosen.

    Each recipient is in exactly one of the shards of a list, and a larger sample contains a smaller one. The one says
    nothing about the other: a sample of a list is spread evenly over its shards.

    :param shard: number and count, such as ``(2, 4)`` for the second of four; ``(1, 1)`` is everybody.
    :param sample: of everybody, above 0 and up to 1, which is everybody.
    """

    shard: tuple[int, int] = (1, 1)
    sample: float = 1.0

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
        if self.sample < 1:
            below = self.sample * _HASHES
            listed = listed.where([_hash(b"share", key) < below for key in listed.keys])
        return listed


ALL_RECIPIENTS = Selection()


def read_selection(shard: object, sample: object) -> Selection:
    """Return a part of a list from what a task was told.

    :param shard: a text such as ``"2/4"``, or ``None`` for no shard.
    :param sample: a number, or the text of one.
    :raises RcsInputError: if one of them cannot be read.
    """
    return Selection((1, 1) if shard is None else _read_shard(shard), _read_sample(sample))


def _read_shard(value: object) -> tuple[int, int]:
    match = _SHARD.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise RcsInputError("shard", f"{value!r} is not a shard", _SHARD_REMEDY)
    number, count = map(int, match.groups())
    if number > count:
        raise RcsInputError("shard", f"{value!r} is beyond the last one, {count}/{count}", _SHARD_REMEDY)
    return number, count


def _read_sample(value: object) -> float:
    try:
        sample = math.nan if isinstance(value, bool) else float(str(value))
    except ValueError:
        sample = math.nan
    if not 0 < sample <= 1:
        raise RcsInputError(
            "sample", f"{value!r} is not a part of the list", "Give a number above 0 and up to 1, such as 0.01."
        )
    return sample


def _hash(kind: bytes, key: str) -> int:
    # No cheap checksum: CRCs of one key under two salts differ by a constant, so a sample would fall in a few shards.
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8, person=kind).digest(), "big")
