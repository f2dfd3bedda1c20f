"""JSON read in every form in which the service was seen to write it."""

from __future__ import annotations

import re
from typing import Any

import orjson

_NOT_A_DIGIT = re.compile(r"[^0-9]")
# What may stand between the digits of one phone, and the fraction of a phone that went through a spreadsheet.
_WRITTEN_PHONE = re.compile(r"(\(?\+?\(?[0-9][0-9 \u00a0().-]*?)(?:(?<=[0-9]{7})\.0+)?")
_FRACTION = re.compile(r"[0-9]{7}\.[0-9]+$")
_SHORTEST_PHONE, _LONGEST_PHONE = 7, 15  # in digits, with the country code


def read_object(body: bytes) -> dict[str, Any]:
    """Return the object of a body, with lower-case keys; the body may wrap it in a list (public).

    :raises ValueError: if the body is not JSON.
    :raises TypeError: if the body is JSON of another kind.
    """
    content = orjson.loads(body)
    if isinstance(content, list) and len(content) == 1:
        content = content[0]
    return lower_keys(content)


def is_utf8(text: bytes) -> bool:
    """Return whether bytes are valid UTF-8."""
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def structure(value: object) -> Any:
    """Return the array or object of a field, which may be a string that holds JSON (public); other values unchanged.

    :raises ValueError: if the string is not JSON.
    """
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        return orjson.loads(value)
    return value


def entries(value: object) -> list[dict[str, Any]] | None:
    """Return the objects in a list, with lower-case keys, or ``None`` if the field is not a list.

    An object counts as the list of its values, because PHP writes an array with gaps in its indexes as an object.

    :raises ValueError: if the field is a string that is not JSON.
    :raises TypeError: if an entry is not an object.
    """
    content = structure(value)
    if isinstance(content, dict):
        content = list(content.values())
    return [lower_keys(entry) for entry in content] if isinstance(content, list) else None


def lower_keys(entry: object) -> dict[str, Any]:
    """Return an object with lower-case keys.

    :raises TypeError: if the value is not an object.
    """
    if not isinstance(entry, dict):
        raise TypeError("not an object")
    return {str(key).lower(): value for key, value in entry.items()}


def integer(value: object) -> int:
    """Return a whole number, which may be text (public).

    :raises TypeError: if the value is neither a whole number nor text.
    :raises ValueError: if the text is not a number.
    """
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError("not a number")
    return int(value)


def count(value: object) -> int:
    """Return a whole number as :func:`integer` does, or 0 if the field is missing or empty."""
    return 0 if value in (None, "") else integer(value)


def text(value: object) -> str:
    """Return a value as text: a string, ``None`` as empty text, anything else as JSON.

    What no database stores is left out of a string: NUL characters, and surrogates without their pair.

    :raises ValueError: if the value is nested too deeply.
    """
    if isinstance(value, str):
        return value if value.isascii() and "\0" not in value else _storable(value)
    try:
        return "" if value is None else orjson.dumps(value).decode("utf-8")
    except TypeError:
        raise ValueError("a value is nested too deeply") from None


def _storable(value: str) -> str:
    return value.replace("\0", "").encode("utf-8", "ignore").decode("utf-8")


def phone(value: object) -> str:
    """Return a phone, which the service writes as digits with the country code (sure), in E.164, with the plus sign.

    Other notations are read too. What cannot be a phone, or could be two, is returned as it came.
    """
    text = str(value)
    digits = (text if text.isdigit() and text.isascii() else _digits_of(text)).removeprefix("00")
    is_phone = _SHORTEST_PHONE <= len(digits) <= _LONGEST_PHONE and digits[0] != "0"
    return f"+{digits}" if is_phone else text


def _digits_of(text: str) -> str:
    """Return the digits of a text that is one phone; empty text if it holds anything else."""
    written = _WRITTEN_PHONE.fullmatch(text.strip())
    return _NOT_A_DIGIT.sub("", written[1]) if written and not _FRACTION.search(written[1]) else ""
