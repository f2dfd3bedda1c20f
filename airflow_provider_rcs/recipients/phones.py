"""The one phone that a cell means, or the reason why it means none or more than one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from airflow_provider_rcs.api.masking import mask_phone
from airflow_provider_rcs.recipients.cells import integers_as_text
from airflow_provider_rcs.recipients.numbering import (
    Kind,
    Number,
    calling_code,
    digits_dialled_abroad,
    international_number,
    mobiles_after_plus,
    mobiles_with_code,
    national_mobiles,
    national_number,
)
from airflow_provider_rcs.recipients.phone_cells import PhoneError, written_phone

IS_FIXED_LINE = "it is a fixed line, not a mobile; with mobile_only=False it is messaged anyway"

_NO_REGION = "it has no + and no country; write +, or set default_region, region_column or phone_format"
_NOT_INTERNATIONAL = "it is not a valid international number"
_NOT_A_MOBILE = "it is not a mobile number"
_TWO_READINGS = "it can be read as two phones; write +, or set phone_format"
# Where every mobile begins with a zero, digits without it can only have lost it in a column of numbers.
_REGIONS_OF_MOBILES_WITH_ZERO = frozenset({"BJ", "CG", "CI"})
_SAMPLE_SIZE = 100


class Reading(StrEnum):
    """How the digits of a phone were understood."""

    AS_WRITTEN = "as written"
    NATIONAL = "national"
    WITH_CODE = "country code without +"
    OVER_FIXED_LINE = "country code without +, over a fixed line"
    E164 = "e164"
    ZERO_RESTORED = "zero restored"
    UNREADABLE = "digits that are no phone, or more than one"


@dataclass(frozen=True, slots=True)
class PhoneRules:
    """How phones without a plus sign are read, and which are accepted.

    :param default_region: the region of digits without a country, as two letters such as ``"ES"``; ``None`` if unknown.
    :param phone_format: ``"e164"`` if such digits begin with a country code, ``"national"`` if they never do, and
        ``None`` if both may be.
    :param mobile_only: whether fixed lines and other numbers that are not mobiles are refused.
    """

    default_region: str | None = None
    phone_format: str | None = None
    mobile_only: bool = True


class ReadPhone(NamedTuple):
    """A phone, and how it was read.

    :param phone: E.164 with the plus sign.
    :param is_fixed_line: whether it is a fixed line that cannot be a mobile.
    """

    phone: str
    reading: Reading
    is_fixed_line: bool = False


@dataclass(frozen=True, slots=True)
class PhoneColumn:
    """The phones of a column.

    :param phones: the phone of each cell as E.164 with the plus sign, also where it is refused because it is not a
        mobile; ``None`` for a cell that means no phone.
    :param readings: how each phone was read, also where it is refused; empty for a cell that is no phone in writing, or
        not a valid one after its plus sign.
    :param fixed_lines: positions of fixed lines that cannot be mobiles, where they are accepted.
    :param refused: position of a cell that must not be messaged -> the rule that it breaks.
    :param two_readings: position of a refused cell -> the phones that it could mean, masked.
    """

    phones: list[str | None]
    readings: list[str]
    fixed_lines: list[int]
    refused: dict[int, str]
    two_readings: dict[int, tuple[str, ...]]

    def add(self, position: int, read: ReadPhone) -> None:
        """Set the phone of a cell."""
        self.phones[position], self.readings[position] = read.phone, read.reading
        if read.is_fixed_line:
            self.fixed_lines.append(position)

    def refuse(self, position: int, error: PhoneError) -> None:
        """Set that a cell has no usable phone."""
        self.phones[position], self.readings[position] = error.phone, error.reading
        self.refused[position] = str(error)
        if error.readings:
            self.two_readings[position] = error.readings


def read_phone_column(cells: Sequence[object], rules: PhoneRules) -> PhoneColumn:
    """Read each cell as :func:`read_phone` does.

    :param rules: how digits without a country are read.
    """
    texts = _one_line_texts(cells)
    form, unmatched = _match_most_frequent_form(texts, rules)
    phones: list[str | None] = [form.before + text for text in texts] if form.before else list(texts)
    readings: list[str] = [form.reading] * len(texts)
    column = PhoneColumn(phones, readings, [], {}, {})
    written: dict[int, str] = {}
    for position in unmatched:
        try:
            written[position] = written_phone(cells[position])
        except PhoneError as error:
            column.refuse(position, error)
    # Once more, because phones with spaces between their digits have one form as well.
    form, unmatched = _match_most_frequent_form(list(written.values()), rules)
    is_unmatched = set(unmatched)
    for place, (position, text) in enumerate(written.items()):
        if place not in is_unmatched:
            phones[position], readings[position] = form.before + text, form.reading
            continue
        try:
            column.add(position, _read(text, rules))
        except PhoneError as error:
            column.refuse(position, error)
    return column


def read_phone(cell: object, rules: PhoneRules) -> ReadPhone:
    """Return the phone that a cell means.

    A number with ``+`` or ``00``, or with the region's own prefix for calls abroad, is read as it is written. Other
    digits are a number of the region, national or with its calling code, or begin with any calling code if
    ``rules.phone_format`` is ``"e164"``.

    :param cell: text, an integer, or a number without a fraction.
    :raises PhoneError: if it is missing, no valid number, not a mobile where only mobiles are accepted, or if it can be
        read in two ways.
    """
    return _read(written_phone(cell), rules)


def could_be_phone(text: str, phone: str) -> bool:
    """Return whether a text that is not a valid phone has the digits of this one, with or without its calling code.

    :param phone: E.164 with the plus sign.
    """
    return "".join(filter(str.isdecimal, text)).lstrip("0") in digits_of_phone(phone)


@lru_cache(maxsize=16)  # One phone is compared with many texts, and parsing it takes twenty times as long.
def digits_of_phone(phone: str) -> tuple[str, str]:
    """Return the digits of a phone with its calling code, and without it.

    :param phone: E.164 with the plus sign.
    """
    import phonenumbers

    return phone[1:], str(phonenumbers.parse(phone).national_number)


def _read(text: str, rules: PhoneRules) -> ReadPhone:
    number, reading = _read_written(text, rules)
    if rules.mobile_only and number.kind is not Kind.MOBILE:
        rule = IS_FIXED_LINE if number.kind is Kind.FIXED_LINE else _NOT_A_MOBILE
        raise PhoneError(rule, reading, phone=number.phone)
    return ReadPhone(number.phone, reading, number.kind is Kind.FIXED_LINE)


def _read_written(text: str, rules: PhoneRules) -> tuple[Number, Reading]:
    region = rules.default_region
    if text.startswith("+"):
        return _require(international_number(text[1:]), _NOT_INTERNATIONAL, ""), Reading.AS_WRITTEN
    digits_abroad = digits_dialled_abroad(text, region) if region else ""
    if text.startswith("00"):
        return _read_double_zero(text[2:], digits_abroad, region), Reading.AS_WRITTEN
    if rules.phone_format == "e164":
        number, reading = _read_e164(text, region), Reading.E164
    elif region is None:
        raise PhoneError(_NO_REGION, Reading.UNREADABLE)
    else:
        number, reading = _read_national(text, region, may_have_code=rules.phone_format is None)
    abroad = international_number(digits_abroad) if digits_abroad else None
    if abroad is None:
        return _require(number, _invalid_in(region), Reading.UNREADABLE), reading
    if number is not None and number.phone != abroad.phone:
        raise _two_readings(number, abroad)
    return abroad, Reading.AS_WRITTEN


def _read_double_zero(digits: str, digits_abroad: str, region: str | None) -> Number:
    """Return the number after ``00``, which is a part of a longer prefix for calls abroad in some regions.

    :param digits: the digits after ``00``.
    :param digits_abroad: the digits after the region's own prefix.
    """
    as_usual, abroad = international_number(digits), international_number(digits_abroad)
    if as_usual is None or abroad is None or as_usual.phone == abroad.phone:
        return _require(as_usual or abroad, _NOT_INTERNATIONAL, "")
    if region and as_usual.phone[1:].startswith(calling_code(region)):
        return as_usual
    # A number that is whole as it stands outweighs one from which a prefix for calls inside its country was removed.
    are_whole = (as_usual.phone[1:] == digits, abroad.phone[1:] == digits_abroad)
    if are_whole[0] != are_whole[1]:
        return as_usual if are_whole[0] else abroad
    raise _two_readings(as_usual, abroad)


def _read_e164(digits: str, region: str | None) -> Number | None:
    number = international_number(digits)
    if number is None or region is None or digits.startswith(calling_code(region)):
        return number
    national = national_number(digits, region) or _with_zero_restored(digits, region)
    if national is not None and national.kind is Kind.MOBILE:
        raise _two_readings(number, national)
    return number


def _read_national(digits: str, region: str, *, may_have_code: bool) -> tuple[Number | None, Reading]:
    national = national_number(digits, region)
    has_code = may_have_code and digits.startswith(calling_code(region))
    with_code = international_number(digits) if has_code else None
    if national is None and with_code is None and (restored := _with_zero_restored(digits, region)):
        return restored, Reading.ZERO_RESTORED
    if with_code is None or (national is not None and national.phone == with_code.phone):
        return national, Reading.NATIONAL
    if national is None:
        return with_code, Reading.WITH_CODE
    if with_code.kind is Kind.MOBILE and national.kind is Kind.FIXED_LINE:
        return with_code, Reading.OVER_FIXED_LINE
    raise _two_readings(national, with_code)


def _with_zero_restored(digits: str, region: str) -> Number | None:
    """Return the mobile whose leading zero a column of numbers has lost."""
    restored = national_number(f"0{digits}", region) if region in _REGIONS_OF_MOBILES_WITH_ZERO else None
    return restored if restored and restored.kind is Kind.MOBILE else None


def _require(number: Number | None, rule: str, reading: str) -> Number:
    if number is None:
        raise PhoneError(rule, reading)
    return number


def _invalid_in(region: str | None) -> str:
    return (
        f"it is not a number of {region}; if it is international, write + before it" if region else _NOT_INTERNATIONAL
    )


def _two_readings(*numbers: Number) -> PhoneError:
    masked = tuple(mask_phone(number.phone) for number in numbers)
    return PhoneError(_TWO_READINGS, Reading.UNREADABLE, masked)


@dataclass(frozen=True, slots=True)
class _Form:
    """The form of most phones of a column: a pattern finds those that can be read in one way only.

    :param before: what makes such a text E.164.
    :param lines: a pattern as :func:`~airflow_provider_rcs.recipients.numbering.mobiles_after_plus` returns it.
    """

    before: str
    reading: Reading
    lines: re.Pattern[str]


def _match_most_frequent_form(texts: Sequence[str], rules: PhoneRules) -> tuple[_Form, list[int]]:
    """Return the form of most texts, and the positions of the texts that do not certainly have it."""
    form = _most_frequent_form(texts, rules)
    unmatched = []
    position = 0
    # All texts in one call: a call for each would take longer than the matching itself.
    for matched, line in form.lines.findall("\n".join([*texts, ""])):
        position += matched.count("\n")
        if line:
            unmatched.append(position)
            position += 1
    return form, unmatched


def _most_frequent_form(texts: Sequence[str], rules: PhoneRules) -> _Form:
    """Return the form of the texts of the most frequent length in a sample."""
    sample = texts[:: len(texts) // _SAMPLE_SIZE + 1]
    length = max(Counter(map(len, sample)).items(), key=itemgetter(1), default=(0, 0))[0]
    for text in sample:
        digits = text.removeprefix("+")
        if len(text) == length and digits.isascii() and digits.isdigit():
            return _form_of_plus(digits) if len(digits) < length else _form_of_digits(digits, rules)
    return _form_of_plus("")


def _form_of_plus(digits: str) -> _Form:
    return _Form("", Reading.AS_WRITTEN, mobiles_after_plus(digits))


def _form_of_digits(digits: str, rules: PhoneRules) -> _Form:
    region = rules.default_region
    if rules.phone_format == "e164":
        return _Form("+", Reading.E164, mobiles_with_code(digits, region))
    if region is None:
        return _form_of_plus("")
    code = calling_code(region)
    may_have_code = rules.phone_format is None
    if may_have_code and digits.startswith(code):
        return _Form("+", Reading.WITH_CODE, mobiles_with_code(digits, region))
    return _Form(f"+{code}", Reading.NATIONAL, national_mobiles(digits, region, may_have_code=may_have_code))


def _one_line_texts(cells: Sequence[Any]) -> Sequence[str]:
    """Return the cells as texts of one line each; empty text for a cell that must be read by itself."""
    try:
        if "\n" not in "".join(cells):
            return cells
    except TypeError:
        if set(map(type, cells)) == {int}:
            return integers_as_text(cells)
    return [cell if isinstance(cell, str) and "\n" not in cell else "" for cell in cells]
