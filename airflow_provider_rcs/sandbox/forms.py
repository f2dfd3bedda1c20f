"""Bodies of forms, url-encoded and multipart, with arrays as PHP writes them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Fields = dict[str, Any]

_BOUNDARY = re.compile(r'boundary=(?:"([^"]+)"|([^\s;]+))', re.IGNORECASE)
_FIELD_NAME = re.compile(rb'[;\s]name="([^"]*)"', re.IGNORECASE)
_ARRAY_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])+)")
_INDEX = re.compile(r"\[([^\[\]]*)\]")


def parse_url_encoded(body: bytes) -> Fields:
    """Parse a url-encoded form.

    :raises ValueError: if it is not UTF-8, or its arrays contradict each other.
    """
    return _nest(parse_qsl(body.decode(), keep_blank_values=True, errors="strict"))


def parse_multipart(body: bytes, content_type: str) -> Fields:
    """Parse a multipart form.

    :param content_type: the whole header, with the boundary.
    :raises ValueError: if the boundary is missing, a part has no name, a value is not UTF-8, or arrays contradict
        each other.
    """
    boundary = _BOUNDARY.search(content_type)
    if boundary is None:
        raise ValueError("no boundary")
    return _nest(_parts(body, (boundary[1] or boundary[2]).encode()))


def _parts(body: bytes, boundary: bytes) -> Iterator[tuple[str, str]]:
    _, *parts, end = (b"\r\n" + body).split(b"\r\n--" + boundary)
    if not end.startswith(b"--"):
        raise ValueError("cut off")
    for part in parts:
        head, _, value = part.partition(b"\r\n\r\n")
        name = _FIELD_NAME.search(head)
        if name is None:
            raise ValueError("a part without a name")
        yield name[1].decode(), value.decode()


def _nest(pairs: Iterable[tuple[str, str]]) -> Fields:
    """Return the fields, with ``a[0][b]=c`` as ``{"a": [{"b": "c"}]}``."""
    fields: Fields = {}
    for name, value in pairs:
        array = _ARRAY_NAME.fullmatch(name)
        key, indexes = (array[1], _INDEX.findall(array[2])) if array else (name, ())
        place = fields
        for index in indexes:
            place = place.setdefault(key, {})
            if not isinstance(place, dict):
                raise ValueError(f"{name} is a text and an array")  # noqa: TRY004 -- data that came over the wire
            key = index or str(len(place))
        place[key] = value
    return {name: _with_lists(value) for name, value in fields.items()}


def _with_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {key: _with_lists(each) for key, each in value.items()}
    return list(inner.values()) if list(inner) == [str(number) for number in range(len(inner))] else inner
