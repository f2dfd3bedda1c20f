"""JSON read in every form in which the service was seen to write it."""

from __future__ import annotations

import json
import re
from typing import Any

import orjson

_NOT_A_DIGIT = re.compile(r"[^0-9]")
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.0{1,2})?")
# What may stand between the digits of one phone, and the fraction of a phone that went through a spreadsheet.
_WRITTEN_PHONE = re.compile(r"(\(?\+?\(?[0-9][0-9 \u00a0().-]*?)(?:(?<=[0-9]{7})\.0+)?")
_FRACTION = re.compile(r"[0-9]{7}\.[0-9]+$")
_SHORTEST_PHONE, _LONGEST_PHONE = 7, 15  # in digits, with the country code


class JsonNumber(str):
    """A number of a JSON text, digit by digit as it is written there."""

    __slots__ = ()


def _read_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs) and any(content[key] != value for key, value in pairs):
        raise ValueError("an object has two values for one key")
    return content


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


# Not orjson: it takes the last of two values for one key, and rounds numbers above 2^64.
_DECODER = json.JSONDecoder(
    parse_int=JsonNumber,
    parse_float=JsonNumber,
    parse_constant=_refuse_constant,
    object_pairs_hook=_read_object,
    strict=False,
)


def load(text: str) -> Any:
    """Return the content of a JSON text; its numbers stay text, so that ids of any length keep their digits.

    :raises ValueError: if the text is not JSON, is nested too deeply, or has two values for one key of an object.
    """
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def load_at(text: str, start: int) -> tuple[Any, int]:
    """Return the content that :func:`load` would return of the JSON that starts at a position, and where it ends.

    :raises ValueError: as :func:`load`.
    """
    try:
        return _DECODER.raw_decode(text, start)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def is_utf8(text: bytes) -> bool:
    """Return whether bytes are valid UTF-8."""
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def structure(value: object) -> Any:
    """Return the array or object of a field, which may be a string that holds JSON (public); other values unchanged.

    ``false`` and ``null`` in place of an array are returned as ``None``.

    :raises ValueError: if the string is not JSON.
    """
    while isinstance(value, str) and value.lstrip()[:1] in ("[", "{", '"'):
        value = load(value.strip())
    return None if value is False or value in ("false", "null") else value


def entries(value: object) -> list[dict[str, Any]] | None:
    """Return the objects in a list, with lower-case keys, or ``None`` if the field is not a list.

    An object counts as the list of its values if these are objects, because PHP writes an array with gaps in its
    indexes as an object. Any other object counts as the only one of its list.

    :raises ValueError: if the field, or an entry, is a string that is not JSON.
    :raises TypeError: if an entry is not an object.
    """
    content = structure(value)
    if isinstance(content, dict):
        is_array = all(isinstance(each, dict) or _is_object_text(each) for each in content.values())
        content = list(content.values()) if is_array else [content]
    if not isinstance(content, list):
        return None
    return [lower_keys(entry if isinstance(entry, dict) else structure(entry)) for entry in content]


def _is_object_text(value: object) -> bool:
    return isinstance(value, str) and value.lstrip()[:1] == "{"


def lower_keys(entry: object) -> dict[str, Any]:
    """Return an object with lower-case keys.

    :raises TypeError: if the value is not an object.
    :raises ValueError: if it has two values for keys that differ only in case.
    """
    if not isinstance(entry, dict):
        raise TypeError("not an object")
    lowered = {key.lower(): value for key, value in entry.items()}
    return lowered if len(lowered) == len(entry) else _read_object([(k.lower(), value) for k, value in entry.items()])


def integer(value: object) -> int:
    """Return a whole number, which may be text, and may be written as ``3.0`` (public).

    :raises TypeError: if the value is neither a whole number nor text.
    :raises ValueError: if the text is not a whole number.
    """
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError("not a number")
    text = str(value).strip()
    if not _WHOLE_NUMBER.fullmatch(text):
        raise ValueError("not a whole number")
    return int(text.partition(".")[0])


def count(value: object) -> int:
    """Return a count as :func:`integer` reads it, or 0 if the field is missing, empty or ``false``.

    :raises ValueError: if it is below 0.
    """
    number = 0 if value in (None, "") or value is False else integer(value)
    if number < 0:
        raise ValueError("a count below 0")
    return number


def text(value: object) -> str:
    """Return a value as text: a string, ``None`` as empty text, anything else as JSON.

    What no database stores is left out of a string: NUL characters, and surrogates without their pair.

    :raises ValueError: if the value is nested too deeply.
    """
    if isinstance(value, str):
        return str(value) if value.isascii() and "\0" not in value else _storable(value)
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
