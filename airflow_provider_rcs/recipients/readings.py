"""Counts of how the phones of a list were read, and the checks that only a whole list allows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.recipients.numbering import Kind, international_number, main_region
from airflow_provider_rcs.recipients.phone_cells import LOST_DIGITS, PhoneError, written_phone
from airflow_provider_rcs.recipients.phones import PhoneRules, Reading
from airflow_provider_rcs.recipients.rounding import RoundedNumbers

if TYPE_CHECKING:
    from airflow_provider_rcs.recipients.columns import ListedRecipient

_FEWEST_UNREADABLE = 10


@dataclass(slots=True)
class ReadingCounts:
    """Counts of how the phones of a list were read.

    :param readings: how a phone was read -> recipients of the selection who are not rejected.
    :param beginnings: the first four characters of their phones -> recipients.
    :param rows: all rows of the list.
    :param digits_only: rows of the list whose phones are digits without a country.
    :param unreadable: rows of them that are no number of their country, or could be two, or have lost digits.
    :param lost_digits: rows of them that have lost digits: rounded numbers, fractions, scientific notation.
    :param look_like: region -> unreadable rows that are E.164 of that region, but for the plus sign.
    :param rounded: rows whose phones may be rounded.
    """

    readings: Counter[str] = field(default_factory=Counter)
    beginnings: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    digits_only: int = 0
    unreadable: int = 0
    lost_digits: int = 0
    look_like: Counter[str] = field(default_factory=Counter)
    rounded: RoundedNumbers = field(default_factory=RoundedNumbers)

    def count_list(self, listed: Sequence[ListedRecipient]) -> None:
        """Add the rows of a chunk, including those outside the selection."""
        self.rows += len(listed)
        self.rounded.add([each.phone_as_listed for each in listed if each.reading != Reading.AS_WRITTEN])
        readings = Counter(each.reading for each in listed)
        self.digits_only += len(listed) - readings[Reading.AS_WRITTEN] - readings[""]
        self.lost_digits += readings[LOST_DIGITS]
        self.unreadable += readings[Reading.UNREADABLE] + readings[LOST_DIGITS]
        if readings[Reading.UNREADABLE]:
            unreadable = (each.phone_as_listed for each in listed if each.reading == Reading.UNREADABLE)
            self.look_like.update(filter(None, map(_region_with_plus, unreadable)))

    def count_selected(self, listed: Sequence[ListedRecipient]) -> None:
        """Add the rows of a chunk that are in the selection."""
        accepted = [each for each in listed if not each.rejection]
        self.readings.update(each.reading for each in accepted)
        self.beginnings.update(each.key[:4] for each in accepted)

    def as_dict(self) -> dict[str, Any]:
        """Return the counts for a preview: by reading and by country, and what unreadable phones look like."""
        return {
            "readings": {str(reading): count for reading, count in self.readings.most_common()},
            "countries": self._countries(),
            "unreadable": self.unreadable,
            "advice": self.advice(),
        }

    def describe(self) -> str:
        """Return the counts by reading as a text, such as ``970 national, 30 as written``; empty without any."""
        return ", ".join(f"{count:,} {reading}" for reading, count in self.readings.most_common())

    def advice(self) -> str:
        """Return a sentence on unreadable phones that seem to lack their plus sign; empty text without any."""
        if not self.look_like:
            return ""
        regions = ", ".join(f"{region} {count}" for region, count in self.look_like.most_common())
        return f"{self.look_like.total()} invalid look like E.164 of {regions}: write + or use region_column"

    def require_sound(self, rules: PhoneRules) -> None:
        """Check what only a whole list shows: that its phones were not rounded, and that most of them can be read.

        :raises RcsInputError: if they were, or cannot.
        """
        self.rounded.require_few("phone_column")
        self._require_readable(rules)

    def _require_readable(self, rules: PhoneRules) -> None:
        """Check that not more than half of the phones without a country are unreadable.

        :raises RcsInputError: if they are; names the argument that says how to read them.
        """
        if self.unreadable * 2 <= self.digits_only:
            return
        if self.unreadable < _FEWEST_UNREADABLE and self.unreadable * 2 <= self.rows:
            return
        if self.lost_digits * 2 > self.unreadable:
            raise RcsInputError(
                "phone_column",
                f"{self.lost_digits} of {self.digits_only} phones are numbers that have lost digits; nothing was sent",
                "Read the column as text or as BIGINT where it comes from.",
            )
        argument = "phone_format" if rules.phone_format else "default_region"
        problem = f"{self.unreadable} of {self.digits_only} phones that are digits without a country cannot be read"
        advice = f" ({self.advice()})" if self.look_like else ""
        raise RcsInputError(
            argument,
            f"{problem}{advice}; nothing was sent",
            "Set default_region, or region_column for a country in each row, or phone_format='e164' if they begin with "
            "the country code; or write + before them.",
        )

    def _countries(self) -> dict[str, int]:
        """Return the recipients of each country, by the main region of its calling code, most first."""
        countries: Counter[str] = Counter()
        for beginning, count in self.beginnings.items():
            countries[main_region(beginning[1:])] += count
        return dict(countries.most_common())


def _region_with_plus(phone_as_listed: str) -> str:
    """Return the main region of the mobile that unreadable digits are after a plus sign, or empty text."""
    try:
        digits = written_phone(phone_as_listed)
    except PhoneError:  # it is shown otherwise than it was read: without its invisible marks, or a float as 1e+16
        return ""
    number = international_number(digits)
    return main_region(digits) if number is not None and number.kind is Kind.MOBILE else ""
