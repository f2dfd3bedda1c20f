"""The part of a list that a task sends to: a shard, a sample, or the whole list."""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow_provider_rcs.api.errors import RcsInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from airflow_provider_rcs.recipients.columns import ListedRecipient

_SHARD = re.compile(r"([1-9][0-9]*)/([1-9][0-9]*)")
_SHARD_REMEDY = 'Use one of the values that shards(4) returns, such as "2/4", or leave it out.'
_HASHES = 2**64


@dataclass(frozen=True, slots=True)
class Selection:
    """A part of a list, chosen by a hash of each recipient's key, so that every run chooses the same recipients.

    Each recipient is in exactly one shard, and a larger sample contains every smaller one. Shards and samples are
    independent of each other: a sample is spread evenly over the shards.

    :param shard: (number, count), such as ``(2, 4)`` for the second of four shards; ``(1, 1)`` is the whole list.
    :param sample: fraction of the list, above 0 and up to 1; 1 is the whole list.
    """

    shard: tuple[int, int] = (1, 1)
    sample: float = 1.0

    @property
    def is_shard(self) -> bool:
        """Whether the list has other shards."""
        return self.shard != (1, 1)

    @property
    def shard_name(self) -> str:
        """The name of the shard, such as ``"2/4"``."""
        return "{}/{}".format(*self.shard)

    def of(self, listed: Sequence[ListedRecipient]) -> Sequence[ListedRecipient]:
        """Return the recipients that are in this part, in order."""
        if self.is_shard:
            number, count = self.shard
            listed = [each for each in listed if _hash(b"shard", each.key) % count == number - 1]
        if self.sample < 1:
            limit = self.sample * _HASHES
            listed = [each for each in listed if _hash(b"share", each.key) < limit]
        return listed


ALL_RECIPIENTS = Selection()


def read_selection(shard: object, sample: object) -> Selection:
    """Return the part of a list that a task's arguments select.

    :param shard: text such as ``"2/4"``, or ``None`` for the whole list.
    :param sample: a number above 0 and up to 1, or its text.
    :raises RcsInputError: if an argument cannot be read.
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
        sample = float(str(value))
    except ValueError:
        sample = math.nan
    if not 0 < sample <= 1:
        raise RcsInputError(
            "sample", f"{value!r} is not a fraction of the list", "Use a number above 0 and up to 1, such as 0.01."
        )
    return sample


def _hash(salt: bytes, key: str) -> int:
    # Not a cheap checksum: CRCs of a key with two salts differ by a constant, so a sample would hit few shards.
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8, person=salt).digest(), "big")
