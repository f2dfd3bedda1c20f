"""The shapes in which replies were seen, read alike: wrapped in lists, numbers and lists as text, names in any case."""

from __future__ import annotations

import codecs
import re
from typing import Any

import orjson

_NO_DIGIT = re.compile(r"[^0-9]")


def read_object(body: bytes) -> dict[str, Any]:
    """Return the body's object with its field names in lower case; a list holding one object counts as that.

    :raises ValueError: if the body is not JSON.
    :raises TypeError: if it is another value.
    """
    content = orjson.loads(body)
    if isinstance(content, list) and len(content) == 1:
        content = content[0]
    return lower_keys(content)


def structure(value: object) -> Any:
    """Return what a field holds, where arrays and objects may have come as strings that hold JSON.

    :raises ValueError: if such a string is not JSON.
    """
    if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
        return orjson.loads(value)
    return value


def entries(value: object) -> list[dict[str, Any]] | None:
    """Return the objects that a field lists, with their names in lower case; ``None`` where it holds no list.

    An object whose values are the entries is a list too: so PHP writes one whose numbers have gaps.

    :raises ValueError: if it is a string that is not JSON.
    :raises TypeError: if an entry is not an object.
    """
    content = structure(value)
    if isinstance(content, dict):
        content = list(content.values())
    return [lower_keys(entry) for entry in content] if isinstance(content, list) else None


def lower_keys(entry: object) -> dict[str, Any]:
    """Return an object with its names in lower case.

    :raises TypeError: if it is another value.
    """
    if not isinstance(entry, dict):
        raise TypeError("not an object")
    return {str(key).lower(): value for key, value in entry.items()}


def integer(value: object) -> int:
    """Return a whole number, which may have come as text.

    :raises TypeError: if it is another value.
    :raises ValueError: if the text is not a number.
    """
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError("not a number")
    return int(value)


def count(value: object) -> int:
    """Return a number that may be left out."""
    return 0 if value in (None, "") else integer(value)


def text(value: object) -> str:
    """Return a value as text; empty where there is none.

    :raises ValueError: if it is nested too deeply.
    """
    if isinstance(value, str):
        return value
    try:
        return "" if value is None else orjson.dumps(value).decode("utf-8")
    except TypeError:
        raise ValueError("a value is nested too deeply") from None


def digits(phone: object) -> str:
    """Return a phone, however it is written, as its digits."""
    text = str(phone)
    if not (text.isdigit() and text.isascii()):
        text = _NO_DIGIT.sub("", text)
    return text.removeprefix("00")


def load_json(body: bytes, charset: str) -> Any:
    """Return a JSON body, in the charset that it is said to have; UTF-8 that is not valid is read as Latin-1.

    :raises ValueError: if the body is not JSON.
    """
    if charset != "utf-8":
        return orjson.loads(body.decode(charset, errors="replace"))
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        text = body.removeprefix(codecs.BOM_UTF8) if is_utf8(body) else body.decode("latin-1")
        return orjson.loads(text)


def is_utf8(text: bytes) -> bool:
    """Return whether bytes are valid UTF-8."""
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
