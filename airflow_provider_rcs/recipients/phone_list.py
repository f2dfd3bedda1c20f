"""Lists of phones that must not be messaged, of which every cell must be readable."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.masking import mask_phone
from airflow_provider_rcs.recipients.cells import is_missing
from airflow_provider_rcs.recipients.phone_cells import IS_MISSING
from airflow_provider_rcs.recipients.phones import IS_FIXED_LINE, PhoneColumn, PhoneRules, Reading, read_phone_column
from airflow_provider_rcs.recipients.rounding import RoundedNumbers

_LONGEST_SHOWN = 64
_FIXED_LINE = "it is a fixed line, and may be a mobile written without its country code"
_REMEDY_FOR_PHONES = (
    "Write phones with + and the country code; for national phones, set default_region. Leave out rows that hold no "
    "phone of a mobile with a WHERE."
)
_REMEDY_FOR_MISSING = "Leave out rows without a phone: WHERE phone IS NOT NULL."


def read_phone_list(argument: str, chunks: Iterable[Sequence[object]], rules: PhoneRules) -> set[str]:
    """Return the phones of a list, if each of its cells is one that a message could be sent to.

    A cell that cannot be read may be the phone of a person who would then be messaged despite the list. That holds for
    missing cells, which a failed join leaves behind, and for fixed lines: as long as only mobiles are messaged, and
    otherwise those that are digits without a country.

    :param argument: the argument that the list comes from, for the error.
    :param chunks: the cells of its only column, some at a time.
    :param rules: how phones without a country are read, and which are messaged.
    :return: the phones in E.164.
    :raises RcsInputError: if a cell cannot be read, after the whole list was read, with the number of such cells; or if
        the phones were rounded.
    """
    phones: set[str] = set()
    refusals, rounded = _Refusals(), RoundedNumbers()
    for cells in chunks:
        read = read_phone_column(cells, rules)
        for position in read.fixed_lines:
            if read.readings[position] != Reading.AS_WRITTEN:
                read.refused[position] = IS_FIXED_LINE
        refusals.add(cells, read)
        rounded.add([str(cell) for cell in cells])
        phones.update(phone for phone in read.phones if phone)
    refusals.require_none(argument)
    rounded.require_few(argument)
    return phones


@dataclass
class _Refusals:
    """Counts the cells that cannot be read.

    :param first: row, masked value and rule of the first one.
    """

    rows: int = 0
    unreadable: int = 0
    first: str = ""
    remedies: set[str] = field(default_factory=set)

    def add(self, cells: Sequence[object], read: PhoneColumn) -> None:
        """Add the cells of a chunk."""
        if read.refused and not self.first:
            position, rule = min(read.refused.items())
            cell = cells[position]
            value = "" if is_missing(cell) else mask_phone(str(cell)[:_LONGEST_SHOWN])
            shown = _FIXED_LINE if rule == IS_FIXED_LINE else rule
            self.first = f"row {self.rows + position + 1}, value {value!r}: {shown}"
        self.remedies.update(
            _REMEDY_FOR_MISSING if rule == IS_MISSING else _REMEDY_FOR_PHONES for rule in read.refused.values()
        )
        self.unreadable += len(read.refused)
        self.rows += len(cells)

    def require_none(self, argument: str) -> None:
        """Raise an error if a cell was refused."""
        if self.unreadable:
            raise RcsInputError(
                argument,
                f"{self.unreadable:,} of {self.rows:,} rows cannot be read as the phone of a mobile, so that it is "
                f"unknown who must not be messaged. Nothing was sent or recorded. The first is {self.first}",
                " ".join(sorted(self.remedies, reverse=True)),
            )
