"""Phone numbers as warehouses hold them, brought to E.164 digits."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from numbers import Real
from operator import itemgetter
from typing import Any

from airflow_provider_rcs.recipients.cells import integers_as_text, is_missing
from airflow_provider_rcs.recipients.numbering import (
    LONGEST_E164,
    FastPattern,
    ParsedPhone,
    fast_pattern_for,
    national_reader,
    no_fast_pattern,
    read_international,
)

# White space, dashes, brackets, dots and slashes; and marks that nobody sees, which phones copied from elsewhere carry.
_SEPARATORS = re.compile(
    r"[\s\-\u2010-\u2015\u2212()\[\]./\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]+"
)


_ASCII_SEPARATORS = {ord(mark): None for mark in map(chr, range(128)) if _SEPARATORS.match(mark) and mark != "\n"}


_FULL_WIDTH = {0xFF01 + offset: 0x21 + offset for offset in range(94)}


_MISSING_TEXTS = ("<NA>", "NaT")


_NEEDS_CELL = {"", *_MISSING_TEXTS}


_SAMPLE_SIZE = 100


class PhoneError(ValueError):
    """A value that is not a phone that can be messaged; the text says which rule it breaks, without the value."""


@dataclass(frozen=True, slots=True)
class PhoneColumn:
    """The phones of a column.

    :param phones: E.164 digits of each cell, or ``None`` where there is no usable phone.
    :param fixed_lines: which cells hold a fixed line; none that may be a mobile as well.
    :param refused: which cells hold no usable phone, and the rule that each breaks.
    """

    phones: list[str | None]
    fixed_lines: list[int]
    refused: Mapping[int, str]


def read_phone_column(cells: Sequence[object], default_region: str | None = None) -> PhoneColumn:
    """Read each cell as :func:`read_phone` does.

    :param default_region: two letters of the region of national numbers, such as ``"ES"``.
    """
    texts = _one_line_texts(cells)
    code, lines = _fast_pattern(texts, default_region)
    phones: list[str | None] = [code + text for text in texts] if code else list(texts)
    fixed_lines: list[int] = []
    refused: dict[int, str] = {}
    odd = _unmatched_positions(texts, lines)
    for position, bare in zip(odd, _strip_separators([texts[position] for position in odd]), strict=True):
        try:
            found = (
                _parse_cell(cells[position], default_region) if bare in _NEEDS_CELL else _parse(bare, default_region)
            )
        except PhoneError as error:
            phones[position] = None
            refused[position] = str(error)
            continue
        phones[position], is_fixed_line = found
        if is_fixed_line:
            fixed_lines.append(position)
    return PhoneColumn(phones, fixed_lines, refused)


def read_phone(value: object, default_region: str | None = None) -> str:
    """Return a phone as E.164 digits, without the plus sign.

    A number with ``+`` or ``00`` is international. Plain digits are read as a national number of the default region
    where that is valid, else as an international one.

    :param value: text, an integer, or a float that is exactly a whole number.
    :param default_region: two letters of the region of national numbers, such as ``"ES"``.
    :raises PhoneError: if it is missing or not a valid number.
    """
    return _parse_cell(value, default_region)[0]


def phone_text(value: object) -> str:
    """Return a phone as the text that the warehouse meant, trimmed; empty where there is none.

    :raises PhoneError: if it is a float with a fraction or of another type than text and numbers.
    """
    if isinstance(value, str):
        text = (value if value.isascii() else value.translate(_FULL_WIDTH)).strip()
        return "" if text in _MISSING_TEXTS else text
    if is_missing(value):
        return ""
    if isinstance(value, bool):
        raise PhoneError("it is a truth value, not a phone")
    if isinstance(value, Real | Decimal) and type(value).__name__ != "timedelta64":
        return _whole_number_as_text(value)
    raise PhoneError(f"it is a {type(value).__name__}, not text")


def could_be_phone(text: str, phone: str) -> bool:
    """Tell whether a text that could not be read as a phone may mean this one: its digits are, with or without code.

    :param phone: E.164 digits.
    """
    import phonenumbers

    digits = "".join(filter(str.isdecimal, text)).lstrip("0")
    return digits in (phone, str(phonenumbers.parse(f"+{phone}").national_number))


def _whole_number_as_text(value: Any) -> str:
    try:
        if value % 1 == 0:
            return str(int(value))
    except (ArithmeticError, ValueError):  # not finite, or of more digits than Python writes
        pass
    raise PhoneError("it is not a whole number")


def _one_line_texts(cells: Sequence[Any]) -> Sequence[str]:
    """Return the cells that may be read at a glance, each as one line, and empty texts in place of the others."""
    try:
        if "\n" not in "".join(cells):
            return cells
    except TypeError:
        if set(map(type, cells)) == {int}:
            return integers_as_text(cells)
    return [cell if isinstance(cell, str) and "\n" not in cell else "" for cell in cells]


def _unmatched_positions(texts: Sequence[str], lines: re.Pattern[str]) -> list[int]:
    """Return which texts are not read at a glance."""
    odd = []
    position = 0
    # All at once, because each call that finds something takes longer than to look for it.
    for usual, line in lines.findall("\n".join([*texts, ""])):
        position += usual.count("\n")
        if line:
            odd.append(position)
            position += 1
    return odd


def _fast_pattern(texts: Sequence[str], default_region: str | None) -> FastPattern:
    """Return how most of the texts are read at a glance, as far as the lengths of some of them tell."""
    some = texts[:: len(texts) // _SAMPLE_SIZE + 1]
    length = max(Counter(map(len, some)).items(), key=itemgetter(1), default=(0, 0))[0]
    sample = next((text for text in some if len(text) == length and text.isascii() and text.isdigit()), None)
    return fast_pattern_for(sample, default_region) if sample else no_fast_pattern()


def _strip_separators(lines: Sequence[str]) -> Sequence[str]:
    """Return texts without what stands between their digits; empty ones, where that takes a closer look."""
    together = "\n".join(lines)
    if not together.isascii() or not lines:
        return [""] * len(lines)
    return together.translate(_ASCII_SEPARATORS).split("\n")


def _parse_cell(value: object, default_region: str | None) -> ParsedPhone:
    text = phone_text(value)
    if not text:
        raise PhoneError("it is missing")
    return _parse(text if text.isalnum() else _SEPARATORS.sub("", text), default_region)


def _parse(bare: str, default_region: str | None) -> ParsedPhone:
    international = bare.startswith(("+", "00"))
    digits = bare.removeprefix("+") if bare.startswith("+") else bare.removeprefix("00")
    if not (digits.isascii() and digits.isdigit()):
        raise PhoneError("it is not a phone number")
    region = None if international else default_region
    read = national_reader(region) if region else read_international
    found = read(digits) or _parse_with_phonenumbers(digits, region)
    if found is None:
        raise PhoneError(_rule_broken(international, default_region))
    return found


@lru_cache(maxsize=10_000)
def _parse_with_phonenumbers(digits: str, region: str | None) -> ParsedPhone | None:
    """Read digits as a national number of the region, if it is given, else as an international one."""
    import phonenumbers

    candidates: list[tuple[str, str | None]] = [(digits, region)] if region else []
    candidates.append((f"+{digits}", None))
    for candidate, of_region in candidates:
        try:
            number = phonenumbers.parse(candidate, of_region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")
            if len(written) <= LONGEST_E164:
                return written, phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.FIXED_LINE
    return None


def _rule_broken(international: bool, default_region: str | None) -> str:
    if international:
        return "it is not a valid international number"
    if default_region:
        return f"it is valid neither in {default_region} nor as an international number"
    return "it is not a valid international number; set default_region if it is a national one"
