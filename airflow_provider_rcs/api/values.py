"""Cells of a warehouse as the text that a person expects to read in a message."""

from __future__ import annotations

import unicodedata
from datetime import date, datetime
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

_TEXTS_OF_NOTHING = ("<NA>", "NaT")
_NOT_TEXT = ("Cc", "Cs")  # control characters, and halves of characters
_NUMPY_TRUTH = ("bool_", "bool")


def is_missing(value: object) -> bool:
    """Whether a cell holds nothing: ``None``, NaN, NaT or pandas' NA."""
    if value is None or isinstance(value, str):
        return value is None
    # pandas' NA compares with nothing, so it is known by its text; NaN is what is not itself.
    return str(value) in _TEXTS_OF_NOTHING or bool(value != value)


def as_text(value: object) -> str:
    """Return a cell as text in Unicode's composed form, trimmed; empty where the cell holds nothing.

    A whole float loses its ``.0``, because an integer column that held a NaN is read as floats; dates are written as
    ISO 8601, decimals without an exponent, truth values as ``true`` and ``false``.

    :raises ValueError: if there is a control character in it.
    """
    if isinstance(value, str):
        text = unicodedata.normalize("NFC", value).strip()
    elif is_missing(value):
        return ""
    elif isinstance(value, bool) or type(value).__name__ in _NUMPY_TRUTH:
        text = "true" if value else "false"
    elif isinstance(value, Real) and not isinstance(value, Integral):
        text = _real_as_text(value)
    elif isinstance(value, Decimal):
        text = format(value, "f")
    elif isinstance(value, datetime):
        text = value.isoformat(sep=" ", timespec="seconds")
    elif isinstance(value, date):
        text = value.isoformat()
    else:
        text = str(value).strip()
    if not text.isprintable() and any(unicodedata.category(character) in _NOT_TEXT for character in text):
        raise ValueError("it has a control character")
    return text


def _real_as_text(value: Any) -> str:
    return str(int(value)) if value % 1 == 0 else str(value)
