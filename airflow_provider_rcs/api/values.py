"""Cells of a warehouse as the text that a person expects to read in a message."""

from __future__ import annotations

import math
import string
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from numbers import Integral, Real
from typing import Any
from uuid import UUID

import orjson

_TYPES_OF_NOTHING = ("NAType", "NaTType")  # pandas' own; pandas is not loaded for them
_LONGEST_MASKED = 40
_PRINTABLE_IN_LATIN_1 = bytes(code for code in range(256) if chr(code).isprintable())
_NOT_TEXT = ("Cc", "Cs")  # control characters, and halves of characters


def is_missing(value: object) -> bool:
    """Whether a cell holds nothing: ``None``, NaN, NaT or pandas' NA."""
    if value is None or isinstance(value, str):
        return value is None
    if isinstance(value, Decimal):
        return value.is_nan()
    if isinstance(value, Real) or type(value).__name__ in ("datetime64", "timedelta64"):
        return bool(value != value)
    return type(value).__name__ in _TYPES_OF_NOTHING


def as_text(value: object) -> str:
    """Return a cell as text in Unicode's composed form, trimmed; empty where the cell holds nothing.

    A whole float loses its ``.0``, because an integer column that held a NaN is read as floats; decimals keep their
    digits, and no number is written with an exponent. Dates and times are written as ISO 8601 with a space in the
    middle, to the second; stretches of time as ``hours:minutes:seconds``; truth values as ``true`` and ``false``.

    :raises ValueError: if there is a control character in it, or if it is no text, number, date or truth value.
    """
    if isinstance(value, str):
        return _checked(unicodedata.normalize("NFC", value).strip())
    return "" if is_missing(value) else _written(value)


def read_column(cells: Sequence[object]) -> tuple[list[str], Mapping[int, str]]:
    """Return the text of each cell as :func:`as_text` does, and why which cells have none.

    :return: the texts, empty where there is none; and position of a cell -> what is wrong with it.
    """
    if (plain := plain_texts(cells)) is not None:
        return plain, {}
    texts: list[str] = []
    refused: dict[int, str] = {}
    for position, cell in enumerate(cells):
        try:
            texts.append(as_text(cell))
        except ValueError as error:
            texts.append("")
            refused[position] = str(error)
    return texts, refused


def plain_texts(cells: Sequence[Any]) -> list[str] | None:
    """Return the texts of a column that can be read in one piece: of integers, or of texts with nothing unusual."""
    try:
        together = "".join(cells)
    except TypeError:
        types = set(map(type, cells))
        if types == {int}:
            return texts_of_integers(cells)
        if not types <= {str, type(None)}:
            return None
        cells = ["" if cell is None else cell for cell in cells]
        together = "".join(cells)
    if not _is_plain(together):
        return None
    # What is plain holds no other white space.
    return list(map(str.strip, cells)) if " " in together else list(cells)


def texts_of_integers(cells: Sequence[int]) -> list[str]:
    """Return how each integer of a column, at least one, is written."""
    try:
        return orjson.dumps(cells)[1:-1].decode().split(",")
    except orjson.JSONEncodeError:  # one of more than 64 bits
        return list(map(str, cells))


def mask(text: str) -> str:
    """Return the shape of a text, for logs and previews: letters as ``x`` and ``X``, digits as ``0``."""
    shape = "".join(_masked(character) for character in text[:_LONGEST_MASKED])
    return f"{shape}..." if len(text) > _LONGEST_MASKED else shape


def _masked(character: str) -> str:
    if character == " " or character in string.punctuation:
        return character
    if character.isnumeric():
        return "0"
    return "X" if character.isupper() else "x"


def _is_plain(text: str) -> bool:
    """Whether there is nothing in a text to refuse or to compose; what is true of some in one piece, is of each."""
    try:
        # Every letter of Latin-1 is composed, and a table of its bytes is looked up faster than Unicode's.
        return not text.encode("latin-1").translate(None, _PRINTABLE_IN_LATIN_1)
    except UnicodeEncodeError:
        return text.isprintable() and unicodedata.is_normalized("NFC", text)


def _written(value: Any) -> str:
    if type(value).__module__ == "numpy":
        value = _of_numpy(value)
    match value:
        case bool():
            return "true" if value else "false"
        case Integral():
            return str(int(value))
        case Real() | Decimal():
            return _number(value)
        case datetime():
            return value.isoformat(sep=" ", timespec="seconds")
        case date():
            return value.isoformat()
        case time():
            return value.isoformat(timespec="seconds")
        case timedelta():
            return _stretch(value)
        case UUID():
            return str(value)
        case _:
            kind = type(value).__name__
            raise ValueError(f"it is of type {kind}, which is not text, a number, a date, a time or a truth value")


def _number(value: Any) -> str:
    if abs(value) == math.inf:
        raise ValueError("it is infinite")
    if isinstance(value, Decimal):
        return format(value if value else value.copy_abs(), "f")
    if value % 1 == 0:
        return str(int(value))
    text = str(value)
    return format(Decimal(text), "f") if "e" in text else text


def _stretch(value: timedelta) -> str:
    minutes, seconds = divmod(abs(value) // timedelta(seconds=1), 60)
    sign = "-" if value < timedelta(0) else ""
    return f"{sign}{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def _of_numpy(value: Any) -> object:
    """Return numpy's own dates, stretches of time and truth values as Python's; anything else as it is.

    :raises ValueError: if it is a date that Python cannot hold.
    """
    import numpy as np

    if isinstance(value, np.bool_):
        return bool(value)
    if not isinstance(value, np.datetime64 | np.timedelta64):
        return value
    plain = value.item()
    # Not from a coarser unit: what Python cannot hold overflows there, which numpy before 2.5 does without an error.
    if isinstance(plain, int) and np.datetime_data(value.dtype)[0] in ("ns", "ps", "fs", "as"):
        plain = value.astype(f"{type(value).__name__}[us]").item()
    if isinstance(plain, int):
        raise ValueError("it is beyond the dates that can be written")  # noqa: TRY004 - its type is right
    return plain


def _checked(text: str) -> str:
    if not text.isprintable() and any(unicodedata.category(character) in _NOT_TEXT for character in text):
        raise ValueError("it has a control character")
    return text
