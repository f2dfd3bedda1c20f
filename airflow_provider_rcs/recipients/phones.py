"""Phones of a source, in any common notation, in E.164: a plus sign and digits."""

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

# White space, dashes, brackets, dots and slashes, and the invisible characters that copied phones contain.
_SEPARATORS = re.compile(
    r"[\s\-\u2010-\u2015\u2212()\[\]./\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]+"
)
_ASCII_SEPARATORS = {ord(mark): None for mark in map(chr, range(128)) if _SEPARATORS.match(mark) and mark != "\n"}
_FULL_WIDTH = {0xFF01 + offset: 0x21 + offset for offset in range(94)}
_MISSING_TEXTS = ("<NA>", "NaT")  # pandas' missing values, written as text
_NEEDS_CELL = {"", *_MISSING_TEXTS}
_SAMPLE_SIZE = 100


class PhoneError(ValueError):
    """A value is not a phone that can be messaged; the text says which rule it breaks, without the value."""


@dataclass(frozen=True, slots=True)
class PhoneColumn:
    """The phones of a column.

    :param phones: the phone of each cell in E.164, or ``None`` for a cell without a usable phone.
    :param fixed_lines: positions of fixed lines that cannot be mobiles.
    :param refused: position of a cell without a usable phone -> the rule that it breaks.
    """

    phones: list[str | None]
    fixed_lines: list[int]
    refused: Mapping[int, str]


def read_phone_column(cells: Sequence[object], default_region: str | None = None) -> PhoneColumn:
    """Read each cell as :func:`read_phone` does.

    :param default_region: the region of national numbers, as two letters such as ``"ES"``.
    """
    texts = _one_line_texts(cells)
    code, lines = _fast_pattern(texts, default_region)
    prefix = f"+{code}"
    phones: list[str | None] = [prefix + text for text in texts]
    fixed_lines: list[int] = []
    refused: dict[int, str] = {}
    unmatched = _unmatched_positions(texts, lines)
    stripped = _strip_separators([texts[position] for position in unmatched])
    for position, text in zip(unmatched, stripped, strict=True):
        try:
            if text in _NEEDS_CELL:
                parsed = _parse_cell(cells[position], default_region)
            else:
                parsed = _parse(text, default_region)
        except PhoneError as error:
            phones[position] = None
            refused[position] = str(error)
            continue
        digits, is_fixed_line = parsed
        phones[position] = f"+{digits}"
        if is_fixed_line:
            fixed_lines.append(position)
    return PhoneColumn(phones, fixed_lines, refused)


def read_phone(value: object, default_region: str | None = None) -> str:
    """Return a phone in E.164, such as ``+34600000001``.

    A number that begins with ``+`` or ``00`` is international. Plain digits are a national number of the default region
    if they are valid as one, otherwise an international number.

    :param value: text, an integer, or a float without a fraction.
    :param default_region: the region of national numbers, as two letters such as ``"ES"``.
    :raises PhoneError: if the value is missing or not a valid number.
    """
    return f"+{_parse_cell(value, default_region)[0]}"


def phone_text(value: object) -> str:
    """Return a phone cell as trimmed text; empty text for a missing value.

    :raises PhoneError: if the value is a number with a fraction, or neither text nor a number.
    """
    if isinstance(value, str):
        text = (value if value.isascii() else value.translate(_FULL_WIDTH)).strip()
        return "" if text in _MISSING_TEXTS else text
    if is_missing(value):
        return ""
    if isinstance(value, bool):
        raise PhoneError("it is a boolean, not a phone")
    if isinstance(value, Real | Decimal) and type(value).__name__ != "timedelta64":
        return _whole_number_as_text(value)
    raise PhoneError(f"it is a {type(value).__name__}, not text")


def could_be_phone(text: str, phone: str) -> bool:
    """Return whether a text that is not a valid phone has the digits of this one, with or without its calling code.

    :param phone: in E.164, such as ``+34600000001``.
    """
    import phonenumbers

    digits = "".join(filter(str.isdecimal, text)).lstrip("0")
    return digits in (phone.removeprefix("+"), str(phonenumbers.parse(phone).national_number))


def _whole_number_as_text(value: Any) -> str:
    try:
        if value % 1 == 0:
            return str(int(value))
    except (ArithmeticError, ValueError):  # infinite, or more digits than Python converts
        pass
    raise PhoneError("it is not a whole number")


def _one_line_texts(cells: Sequence[Any]) -> Sequence[str]:
    """Return the cells as texts of one line each; empty text for a cell that must be read by itself."""
    try:
        if "\n" not in "".join(cells):
            return cells
    except TypeError:
        if set(map(type, cells)) == {int}:
            return integers_as_text(cells)
    return [cell if isinstance(cell, str) and "\n" not in cell else "" for cell in cells]


def _fast_pattern(texts: Sequence[str], default_region: str | None) -> FastPattern:
    """Return the fast pattern for the most frequent length in a sample of the texts."""
    sample = texts[:: len(texts) // _SAMPLE_SIZE + 1]
    length = max(Counter(map(len, sample)).items(), key=itemgetter(1), default=(0, 0))[0]
    example = next((text for text in sample if len(text) == length and text.isascii() and text.isdigit()), None)
    return fast_pattern_for(example, default_region) if example else no_fast_pattern()


def _unmatched_positions(texts: Sequence[str], lines: re.Pattern[str]) -> list[int]:
    """Return the positions of the texts that a fast pattern does not match."""
    unmatched = []
    position = 0
    # All texts in one call: a call for each would take longer than the matching itself.
    for matched, line in lines.findall("\n".join([*texts, ""])):
        position += matched.count("\n")
        if line:
            unmatched.append(position)
            position += 1
    return unmatched


def _strip_separators(lines: Sequence[str]) -> Sequence[str]:
    """Return texts without separators, all in one step; if one is not ASCII, return an empty text for each instead."""
    joined = "\n".join(lines)
    if not joined.isascii() or not lines:
        return [""] * len(lines)
    return joined.translate(_ASCII_SEPARATORS).split("\n")


def _parse_cell(value: object, default_region: str | None) -> ParsedPhone:
    text = phone_text(value)
    if not text:
        raise PhoneError("it is missing")
    return _parse(text if text.isalnum() else _SEPARATORS.sub("", text), default_region)


def _parse(text: str, default_region: str | None) -> ParsedPhone:
    is_international = text.startswith(("+", "00"))
    digits = text.removeprefix("+") if text.startswith("+") else text.removeprefix("00")
    if not (digits.isascii() and digits.isdigit()):
        raise PhoneError("it is not a phone number")
    region = None if is_international else default_region
    read = national_reader(region) if region else read_international
    parsed = read(digits) or _parse_with_phonenumbers(digits, region)
    if parsed is None:
        raise PhoneError(_broken_rule(is_international, default_region))
    return parsed


@lru_cache(maxsize=10_000)
def _parse_with_phonenumbers(digits: str, region: str | None) -> ParsedPhone | None:
    """Parse digits as a national number of the region, if one is given, or else as an international number."""
    import phonenumbers

    candidates: list[tuple[str, str | None]] = [(digits, region)] if region else []
    candidates.append((f"+{digits}", None))
    for candidate, of_region in candidates:
        try:
            number = phonenumbers.parse(candidate, of_region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")
            if len(e164) <= LONGEST_E164:
                return e164, phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.FIXED_LINE
    return None


def _broken_rule(is_international: bool, default_region: str | None) -> str:
    if is_international:
        return "it is not a valid international number"
    if default_region:
        return f"it is valid neither in {default_region} nor as an international number"
    return "it is not a valid international number; set default_region if it is a national one"
