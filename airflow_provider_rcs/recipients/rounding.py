"""Phones that were rounded on their way, which only many of them together show."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from airflow_provider_rcs.api.errors import RcsInputError

_NUMBER = re.compile(r"([0-9]{9,15})(?:\.0+)?")
_FEWEST_ROUNDED = 20
_SHARE_ROUNDED = 0.9
_SCIENTIFIC_UNIT = 1_000  # spreadsheets write 6 of the digits of a number, at most: 6.12346E+08


@dataclass(slots=True)
class RoundedNumbers:
    """Counts of phones of nine or more digits as a column of numbers holds them.

    :param numbers: all of them.
    :param exact: those that a 32-bit float holds without rounding: by chance one in thirty of nine digits, and fewer of
        longer ones.
    :param in_thousands: those that scientific notation may have rounded: by chance one in a thousand.
    """

    numbers: int = 0
    exact: int = 0
    in_thousands: int = 0

    def add(self, texts: Sequence[str]) -> None:
        """Add the phones of a chunk, as they are written."""
        import numpy as np

        found = [int(match[1]) for match in map(_NUMBER.fullmatch, texts) if match]
        numbers = np.array(found, np.int64)
        self.numbers += len(found)
        self.exact += int(np.count_nonzero(numbers.astype(np.float32) == numbers))
        self.in_thousands += int(np.count_nonzero(numbers % _SCIENTIFIC_UNIT == 0))

    def require_few(self, argument: str) -> None:
        """Check that the phones were not rounded.

        :param argument: the argument that names the phones, for the error.
        :raises RcsInputError: if over 90% of 20 or more phones are numbers as 32-bit floats hold them, or whole
            thousands, as spreadsheets write long numbers in scientific notation.
        """
        if self.numbers < _FEWEST_ROUNDED:
            return
        # In this order: such floats hold many whole thousands exactly.
        for rounded, by in ((self.in_thousands, "scientific notation"), (self.exact, "a 32-bit float")):
            if rounded > _SHARE_ROUNDED * self.numbers:
                raise RcsInputError(
                    argument,
                    f"{rounded} of {self.numbers} phones are rounded as {by} rounds them; nothing was sent",
                    "Read the column as text or as BIGINT where it comes from: its last digits are lost here.",
                )
