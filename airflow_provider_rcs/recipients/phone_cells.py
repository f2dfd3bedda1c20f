"""Cells of a source as phones in writing: digits, with a plus sign before them where the cell has one."""

from __future__ import annotations

import re
from decimal import Decimal
from numbers import Real
from typing import Any

from airflow_provider_rcs.recipients.cells import MISSING_AS_TEXT, is_missing
from airflow_provider_rcs.recipients.numbering import LONGEST_E164, international_number

IS_MISSING = "it is missing"
LOST_DIGITS = "a number that has lost digits"

# White space, dashes, brackets, dots and slashes, the tilde of "8~10" (wait for the dial tone), and the invisible
# characters that copied phones contain.
_INVISIBLE = "\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
_SEPARATORS = re.compile(rf"[\s\-\u2010-\u2015\u2212()\[\]./~{_INVISIBLE}]+")
_INVISIBLE_MARK = re.compile(f"[{_INVISIBLE}]")
_FULL_WIDTH = {0xFF01 + offset: 0x21 + offset for offset in range(94)}
_MINUS = ("-", "\u2010", "\u2011", "\u2012", "\u2013", "\u2014", "\u2015", "\u2212")
_MISSING_TEXTS = MISSING_AS_TEXT | {"", "n/a"}
_APOSTROPHES = "'`\u00b4\u2018\u2019"  # a spreadsheet's mark for text
_SCHEME = re.compile(r"\A(?:tel|whatsapp)\s*:\s*", re.IGNORECASE)
_WRITTEN = re.compile(r"\+?[0-9]+")
# Groups too short to be phones by themselves, with nothing between them that could separate two phones.
_GROUPS = re.compile(r"\(?\+?[0-9]{1,6}(?:(?:[ )-]|\((?!0\))){1,3}[0-9]{1,6})*")
_FLOAT = re.compile(r"(\+?[0-9]+)\.0|(\+?[0-9]{7,})\.0+")
_FRACTION = re.compile(r"[0-9]{7}\.[0-9]+$|\.[0-9]$")
_SCIENTIFIC = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]*)?[eE][+-]?[0-9]+")
_EXTENSION = re.compile(
    r"[0-9)]\s*[;,]?\s*(?:x|#|e?xt(?:ensi[o\u00f3]n|n)?|int|anexo|poste|durchwahl)[.:=\s]*[0-9]+$"
    r"|[0-9]{7}\s*[-\u2010-\u2015\u2212]\s*[0-9]{1,3}$|[0-9]\s*\([0-9]{1,4}\)$",
    re.IGNORECASE,
)
_BETWEEN_PHONES = re.compile(r"[/,;|&\n]|\s[-\u2010-\u2015\u2212]\s|\s(?:or|and|o|y|ou|et|oder|und)\s", re.IGNORECASE)
_ZERO_IN_BRACKETS = re.compile(r"\(\s*0\s*\)")
_WITHOUT_SEPARATORS = str.maketrans("", "", " ()-")
_SHORTEST_PHONE = 7
_SHORTEST_AFTER_SLASH = 4


class PhoneError(ValueError):
    """A value is not a phone that can be messaged; the text says which rule it breaks, without the value.

    :param rule: the rule; the same text for every phone that breaks it.
    :param reading: how its digits were read, if they were; ``LOST_DIGITS`` for a number that is no whole phone.
    :param readings: the phones that the value could mean, masked, if it could mean more than one.
    :param phone: the phone, if the value means one that is not accepted, such as a fixed line.
    """

    def __init__(self, rule: str, reading: str = "", readings: tuple[str, ...] = (), phone: str | None = None) -> None:
        super().__init__(rule)
        self.reading = reading
        self.readings = readings
        self.phone = phone


def written_phone(value: object) -> str:
    """Return a cell as ASCII digits, with the plus sign before them that the cell may have.

    :param value: text, an integer, or a number without a fraction.
    :raises PhoneError: if it is missing, no phone, or more than one phone.
    """
    text = value if isinstance(value, str) else _number_text(value)
    if _WRITTEN.fullmatch(text) and text.isascii():
        return text
    if _GROUPS.fullmatch(text) and len(digits := text.translate(_WITHOUT_SEPARATORS)) <= LONGEST_E164:
        return digits
    if not text.isascii():
        text = _INVISIBLE_MARK.sub("", text.translate(_FULL_WIDTH))
    text = text.strip().strip(_APOSTROPHES).strip()
    if text.casefold() in _MISSING_TEXTS:
        raise PhoneError(IS_MISSING)
    text = _SCHEME.sub("", text)
    if number := _FLOAT.fullmatch(text):
        return number[1] or number[2]
    _require_one_phone(text)
    digits = _SEPARATORS.sub("", text)
    if not _WRITTEN.fullmatch(digits) or text.startswith(_MINUS):
        raise PhoneError("it is not a phone number")
    if _ZERO_IN_BRACKETS.search(text) and digits.startswith("+") and international_number(digits[1:]) is None:
        # Most countries' numbers are read with the zero that is dialled inside the country; the others have none.
        return _SEPARATORS.sub("", _ZERO_IN_BRACKETS.sub("", text, count=1))
    return digits


def _number_text(value: object) -> str:
    if is_missing(value):
        return ""
    if isinstance(value, bool):
        raise PhoneError("it is a boolean, not a phone")
    kind = type(value).__name__
    if kind in ("float32", "float16"):
        raise PhoneError(f"it is a {kind}, which rounds phones; read the column as text or as BIGINT", LOST_DIGITS)
    if isinstance(value, Real | Decimal) and kind != "timedelta64":
        return _whole_number(value)
    raise PhoneError(f"it is a {kind}, not text")


def _whole_number(value: Any) -> str:
    try:
        if value % 1 == 0 and value >= 0:
            return str(int(value))
    except (ArithmeticError, ValueError):  # infinite, or more digits than Python converts
        pass
    raise PhoneError("it is not a whole number", LOST_DIGITS)


def _require_one_phone(text: str) -> None:
    if _SCIENTIFIC.fullmatch(text):
        raise PhoneError(
            "it is in scientific notation, which has lost digits; cast the column to BIGINT or text", LOST_DIGITS
        )
    if _FRACTION.search(text):
        raise PhoneError("it is a number with a fraction, not a phone", LOST_DIGITS)
    if _EXTENSION.search(text):
        raise PhoneError("it has an extension")
    if _has_two_phones(text):
        raise PhoneError("it has more than one phone")


def _has_two_phones(text: str) -> bool:
    digits = len(re.findall("[0-9]", text))
    if text.count("+") > 1 or sum(len(group) >= _SHORTEST_PHONE for group in re.findall("[0-9]+", text)) > 1:
        return True
    parts = [len(re.findall("[0-9]", part)) for part in _BETWEEN_PHONES.split(text)]
    if digits > LONGEST_E164 and sum(length >= _SHORTEST_PHONE for length in parts) > 1:
        return True
    # "612 345 678/79" stands for two phones: no number has so few digits after its only slash.
    return text.count("/") == 1 and 0 < parts[-1] < _SHORTEST_AFTER_SLASH
