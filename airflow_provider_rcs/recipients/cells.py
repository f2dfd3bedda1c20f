"""Cells of a source as the text that people expect to read in a message."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, date, datetime, time, timedelta
from decimal import Decimal
from numbers import Integral, Real
from typing import Any
from uuid import UUID

import orjson

# What pandas, Python, databases and spreadsheets write for a missing value, in lower case. Hive and MySQL write \N;
# Excel writes #N/D in Spanish, Italian and Portuguese, and #NV in German.
MISSING_AS_TEXT = frozenset(("nan", "none", "null", "(null)", "<na>", "nat", "\\n", "#n/a", "#n/d", "#nv"))

_PANDAS_MISSING_TYPES = ("NAType", "NaTType")  # by name, so that pandas is not imported for them
_PRINTABLE_IN_LATIN_1 = bytes(code for code in range(256) if chr(code).isprintable())
_REFUSED_CATEGORIES = ("Cc", "Cs")  # Unicode's control characters and surrogates


class CellError(ValueError):
    """A cell cannot be written as text; the text says why, without the value."""


@dataclass(frozen=True, slots=True)
class UnreadableCell:
    """Stands for a value of a source that has no Python value, such as a date after the year 9999.

    :param reason: why the cell cannot be read, without its value.
    """

    reason: str = "Python cannot represent its value"

    def __str__(self) -> str:
        """Return an empty text: the value is unknown."""
        return ""


def is_missing(value: object) -> bool:
    """Return whether a cell is empty: ``None``, NaN, NaT or pandas' NA."""
    if value is None or isinstance(value, str):
        return value is None
    if isinstance(value, Decimal):
        return value.is_nan()
    if isinstance(value, Real) or type(value).__name__ in ("datetime64", "timedelta64"):
        return bool(value != value)
    return type(value).__name__ in _PANDAS_MISSING_TYPES


def cell_text(value: object) -> str:
    """Return a cell as trimmed text in Unicode's composed form (NFC); empty text for a missing value.

    A whole float loses its ``.0``, because integer columns with missing values are read as floats. Decimals keep their
    digits, and no number is written with an exponent. A float of 32 or 16 bits is the shortest text that gives the same
    float of its size: ``19.9``, not ``19.899999618530273``. Dates and times are written in ISO 8601, to the second and
    with a space in the middle; timedeltas as ``hours:minutes:seconds``; booleans as ``true`` and ``false``.

    :raises CellError: if the text has a control character, if the cell is not text, a number, a date, a time or a
        boolean, or if Python cannot represent its value.
    """
    if isinstance(value, str):
        return _require_no_control_character(unicodedata.normalize("NFC", value).strip())
    if is_missing(value):
        return ""
    try:
        return _format(value)
    except CellError:
        raise
    except (ArithmeticError, ValueError):  # of libraries, whose texts may quote the value
        raise CellError(UnreadableCell().reason) from None


def read_text_column(cells: Sequence[object]) -> tuple[list[str], Mapping[int, str]]:
    """Return the text of each cell, as :func:`cell_text` does.

    :return: the texts, empty for cells that cannot be read; and position of such a cell -> what is wrong with it.
    """
    if (plain := plain_texts(cells)) is not None:
        return plain, {}
    texts: list[str] = []
    refused: dict[int, str] = {}
    for position, cell in enumerate(cells):
        try:
            texts.append(cell_text(cell))
        except CellError as error:
            texts.append("")
            refused[position] = str(error)
    return texts, refused


def plain_texts(cells: Sequence[Any]) -> list[str] | None:
    """Return the texts of a column that can be checked as a whole: of integers, or of texts without special characters.

    :return: ``None`` for any other column, whose cells must be read one by one.
    """
    try:
        joined = "".join(cells)
    except TypeError:
        types = set(map(type, cells))
        if types == {int}:
            return _plain_integers(cells)
        if not types <= {str, type(None)}:
            return None
        cells = ["" if cell is None else cell for cell in cells]
        joined = "".join(cells)
    if not _is_plain(joined):
        return None
    # The space is the only white space in a plain text.
    return list(map(str.strip, cells)) if " " in joined else list(cells)


def integers_as_text(cells: Sequence[int]) -> list[str]:
    """Return the integers of a column, which must not be empty, as text."""
    try:
        return orjson.dumps(cells)[1:-1].decode().split(",")
    except orjson.JSONEncodeError:  # an integer of more than 64 bits
        return list(map(str, cells))


def _plain_integers(cells: Sequence[int]) -> list[str] | None:
    try:
        return integers_as_text(cells)
    except ValueError:  # one of more digits than Python converts to text
        return None


def _is_plain(text: str) -> bool:
    """Return whether every character is printable and composed, so that any part of the text is as well."""
    try:
        # Every letter of Latin-1 is composed, and deleting bytes is faster than asking about each character.
        return not text.encode("latin-1").translate(None, _PRINTABLE_IN_LATIN_1)
    except UnicodeEncodeError:
        return text.isprintable() and unicodedata.is_normalized("NFC", text)


def _require_no_control_character(text: str) -> str:
    if not text.isprintable() and any(unicodedata.category(character) in _REFUSED_CATEGORIES for character in text):
        raise CellError("it has a control character")
    return text


def _format(value: Any) -> str:
    if type(value).__module__ == "numpy":
        value = _from_numpy(value)
    match value:
        case UnreadableCell():
            raise CellError(value.reason)
        case bool():
            return "true" if value else "false"
        case Integral():
            return str(int(value))
        case Real() | Decimal():
            return _format_number(value)
        case datetime():
            _require_year_of_python(value)
            return value.isoformat(sep=" ", timespec="seconds")
        case date():
            return value.isoformat()
        case time():
            return value.isoformat(timespec="seconds")
        case timedelta():
            return _format_timedelta(value)
        case UUID():
            return str(value)
        case _:
            kind = type(value).__name__
            raise CellError(f"it is of type {kind}, which is not text, a number, a date, a time or a boolean")


def _format_number(value: Any) -> str:
    if abs(value) == math.inf:
        raise CellError("it is infinite")
    if isinstance(value, Decimal):
        return format(value if value else value.copy_abs(), "f")
    # The text of a float is the shortest that gives the same float of its size.
    text = str(value if value else 0)
    return format(Decimal(text), "f") if "e" in text else text.removesuffix(".0")


def _require_year_of_python(value: datetime) -> None:
    """Check the year of a datetime, which may be a Timestamp of pandas: those have others too."""
    if not MINYEAR <= value.year <= MAXYEAR:
        raise CellError("it is beyond the range of dates")


def _format_timedelta(value: timedelta) -> str:
    minutes, seconds = divmod(abs(value) // timedelta(seconds=1), 60)
    sign = "-" if value < timedelta(0) else ""
    return f"{sign}{minutes // 60}:{minutes % 60:02}:{seconds:02}"


def _from_numpy(value: Any) -> object:
    """Return numpy's booleans, dates and timedeltas as Python's; other values unchanged.

    :raises CellError: if Python cannot represent the date or the timedelta.
    """
    import numpy as np

    if isinstance(value, np.bool_):
        return bool(value)
    if not isinstance(value, np.datetime64 | np.timedelta64):
        return value
    plain = value.item()
    # Only from finer units: a coarser one that Python cannot hold overflows, which numpy before 2.5 does silently.
    if isinstance(plain, int) and np.datetime_data(value.dtype)[0] in ("ns", "ps", "fs", "as"):
        plain = value.astype(f"{type(value).__name__}[us]").item()
    if isinstance(plain, int):
        raise CellError("it is beyond the range of dates")
    return plain
