"""Phone numbers as warehouses hold them, brought to E.164 digits."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from functools import lru_cache
from numbers import Integral, Real
from typing import Any

from airflow_provider_rcs.api.values import is_missing

_SEPARATORS = re.compile(r"[\s\-\u2010-\u2015().\u2060/]+")
_MAYBE_A_PHONE = re.compile(r"\d(?: ?\d){6,}")
_VISIBLE_DIGITS = 3
LONGEST_E164 = 15


class PhoneError(ValueError):
    """A value that is not a phone that can be messaged; the text says which rule it breaks, without the value."""


def normalise(value: object, default_region: str | None = None) -> str:
    """Return a phone as E.164 digits, without the plus sign.

    A number with ``+`` or ``00`` is international. Plain digits are read as a national number of the default region
    where that is valid, else as an international one.

    :param value: text, an integer, or a float that is exactly a whole number.
    :param default_region: two letters of the region of national numbers, such as ``"ES"``.
    :raises PhoneError: if it is missing or not a valid number.
    """
    return _normalise_text(as_text(value), default_region)


def as_text(value: object) -> str:
    """Return a phone as the text that the warehouse meant, trimmed; empty where there is none.

    :raises PhoneError: if it is a float with a fraction or of another type than text and numbers.
    """
    if is_missing(value) or value in ("<NA>", "NaT"):
        return ""
    if isinstance(value, str):
        return unicodedata.normalize("NFKC", value).strip()
    if isinstance(value, bool):
        raise PhoneError("it is a truth value, not a phone")
    if isinstance(value, Integral | Real | Decimal):
        return _whole_number_as_text(value)
    raise PhoneError(f"it is a {type(value).__name__}, not text")


def mask(phone: str) -> str:
    """Return a phone for logs and errors: only its last digits can be read."""
    hidden = max(len(phone) - _VISIBLE_DIGITS, 0)
    return "*" * hidden + phone[hidden:] if hidden else "*" * len(phone)


def mask_within(text: str) -> str:
    """Return a text of somebody else's for logs and errors, with everything masked that may be a phone in it."""
    return _MAYBE_A_PHONE.sub(lambda found: mask(found.group()), text)


def _whole_number_as_text(value: Any) -> str:
    try:
        if value % 1 == 0:
            return str(int(value))
    except ArithmeticError:
        pass
    raise PhoneError("it is not a whole number")


@lru_cache(maxsize=100_000)
def _normalise_text(text: str, default_region: str | None) -> str:
    import phonenumbers

    if not text:
        raise PhoneError("it is missing")
    bare = _SEPARATORS.sub("", text)
    international = bare.startswith(("+", "00"))
    digits = bare.removeprefix("+") if bare.startswith("+") else bare.removeprefix("00")
    if not re.fullmatch(r"[0-9]+", digits):
        raise PhoneError("it is not a phone number")
    candidates: list[tuple[str, str | None]] = [] if international or not default_region else [(bare, default_region)]
    candidates.append((f"+{digits}", None))
    for candidate, region in candidates:
        try:
            number = phonenumbers.parse(candidate, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")
            if len(written) <= LONGEST_E164:
                return written
    raise PhoneError(_why_not(international, default_region))


def _why_not(international: bool, default_region: str | None) -> str:
    if international:
        return "it is not a valid international number"
    if default_region:
        return f"it is valid neither in {default_region} nor as an international number"
    return "it is not a valid international number; set default_region if it is a national one"
