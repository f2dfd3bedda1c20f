"""Phones that were rounded to 32-bit floats on their way, which only many of them together show."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from airflow_provider_rcs.api.errors import RcsInputError

_NUMBER = re.compile(r"([0-9]{9,15})(?:\.0+)?")
_FEWEST_ROUNDED = 20
_SHARE_ROUNDED = 0.9


@dataclass(slots=True)
class RoundedNumbers:
    """Counts of phones of nine or more digits as a column of numbers holds them.

    :param numbers: all of them.
    :param exact: those that a 32-bit float holds without rounding: by chance one in thirty of nine digits, and fewer of
        longer ones.
    """

    numbers: int = 0
    exact: int = 0

    def add(self, texts: Sequence[str]) -> None:
        """Add the phones of a chunk, as they are written."""
        import numpy as np

        found = [int(match[1]) for match in map(_NUMBER.fullmatch, texts) if match]
        numbers = np.array(found, np.int64)
        self.numbers += len(found)
        self.exact += int(np.count_nonzero(numbers.astype(np.float32) == numbers))

    def require_few(self, argument: str) -> None:
        """Check that the phones were not rounded.

        :param argument: the argument that names the phones, for the error.
        :raises RcsInputError: if over 90% of 20 or more phones are numbers as such floats hold them.
        """
        if self.numbers >= _FEWEST_ROUNDED and self.exact > _SHARE_ROUNDED * self.numbers:
            raise RcsInputError(
                argument,
                f"{self.exact} of {self.numbers} phones are rounded as a 32-bit float rounds them; nothing was sent",
                "Read the column as text or as BIGINT where it comes from: its last digits are lost here.",
            )
