"""Raw bodies, as clients pushed them to a gateway, from the values in which gateways and queues pass them on."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.landing.envelopes import Content, contents_of
from airflow_provider_rcs.landing.moments import read_received_at

# As the receiver.
MAX_BODY_BYTES = 64 * 1024
# Larger ones, which may be envelopes of several bodies, are not even parsed; what they hold is refused.
MAX_CONTENT_BYTES = 1024 * 1024
TOO_LARGE = "the body is larger than 64 KiB"
CUT = "the body is larger than 1 MiB, and only its first 64 KiB are kept"
_BROKEN_BASE64 = "the Base64 of an envelope cannot be read"
# A message of a queue in a notification in a trigger's event is three.
_MAX_ENVELOPES = 6
_KEYS_OF_AIRFLOW = ("from_trigger", "from_rest_api")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_REMEDY = (
    "Give the output of a task: text, bytes, an envelope (a dict with body or body_base64), or a list of such values."
)


@dataclass(frozen=True, slots=True)
class RawBody:
    """What one request brought.

    :param body: the body, byte for byte; never shown.
    :param content_type: the content type of the request; empty if it is not known.
    :param received_at: when the request was received; ``None`` if it is not known.
    :param problem: why the body must not be read; empty if it may be.
    :param is_cut: whether the body is only the beginning of what was received.
    """

    body: bytes = field(repr=False)
    content_type: str = ""
    received_at: datetime | None = None
    problem: str = ""
    is_cut: bool = False


def raw_bodies(value: object, content_type: str = "", received_at: datetime | None = None) -> Iterator[RawBody]:
    """Yield the raw bodies that a value holds: itself, or what is in its envelopes.

    :param value: text, bytes, a dict, or an iterable of such values; ``None`` holds nothing.
    :param content_type: the content type of a value that is no envelope.
    :param received_at: when it was received, unless an envelope says so.
    :raises RcsInputError: if it is of another type; never quotes it.
    """
    if isinstance(value, bool | int | float):
        _require_values(value)
    return _opened(value, content_type, received_at, _MAX_ENVELOPES)


def bodies_of_event(extra: Mapping[str, Any], content_type: str, occurred_at: datetime) -> Iterator[RawBody]:
    """Yield the raw bodies in the event of an asset: what its trigger got, or else what the event itself holds.

    :param extra: what the event holds; ``payload`` is what its trigger got.
    :param content_type: the content type of what is no envelope.
    :param occurred_at: when the event occurred.
    """
    own = {key: value for key, value in extra.items() if key not in _KEYS_OF_AIRFLOW}
    value = extra.get("payload", own or None)
    return raw_bodies(as_json(value) if isinstance(value, bool | int | float) else value, content_type, occurred_at)


def within_limits(raw: RawBody) -> RawBody:
    """Return a raw body that is not too large, or one that says so and is cut if it is far too large."""
    if len(raw.body) > MAX_CONTENT_BYTES:
        return replace(raw, body=raw.body[:MAX_BODY_BYTES], problem=CUT, is_cut=True)
    return replace(raw, problem=raw.problem or TOO_LARGE) if len(raw.body) > MAX_BODY_BYTES else raw


def as_json(value: object) -> bytes:
    """Return a value as JSON; what JSON has no form for as text."""
    return _encoded(json.dumps(value, ensure_ascii=False, default=str))


def _opened(value: Any, content_type: str, received_at: datetime | None, depth: int) -> Iterator[RawBody]:
    match value:
        case None:
            return
        case str() | bytes() | bytearray() | memoryview():
            yield from _of_content(_bytes(value), content_type, received_at, depth)
        case Mapping():
            yield from _of_object(value, None, content_type, received_at, depth)
        case bool() | int() | float():
            yield RawBody(as_json(value), content_type, received_at)
        case _ if depth:
            _require_values(value)
            for item in value:
                yield from _opened(item, content_type, received_at, depth - 1)
        case _:
            yield RawBody(as_json(value), content_type, received_at)


def _of_content(content: bytes, content_type: str, received_at: datetime | None, depth: int) -> Sequence[RawBody]:
    """Return what is in text: if it is JSON, it may be an envelope, or a list of envelopes."""
    parsed = _parsed(content) if depth else None
    try:
        if isinstance(parsed, list) and any(_is_envelope(item) for item in parsed):
            return list(_opened(parsed, content_type, received_at, depth))
        if isinstance(parsed, dict):
            return list(_of_object(parsed, content, content_type, received_at, depth))
    except RecursionError:
        return [RawBody(content, content_type, received_at)]
    return [RawBody(content, content_type, received_at)]


def _of_object(
    value: Mapping[Any, Any], content: bytes | None, content_type: str, received_at: datetime | None, depth: int
) -> Iterator[RawBody]:
    """Yield what is in an object.

    :param content: the object as it came; ``None`` if it was never text.
    """
    contents = contents_of(value) if depth else None
    if contents is None:
        yield RawBody(as_json(value) if content is None else content, content_type, received_at)
        return
    for each in contents:
        at = read_received_at(each.received_at) or received_at
        if not each.is_base64:
            yield from _opened(each.value, each.content_type, at, depth - 1)
        elif (decoded := _decoded(each)) is None:
            kept = as_json(value) if content is None else content
            yield RawBody(kept, "application/json", at, _BROKEN_BASE64)
        else:
            yield from _of_content(decoded, each.content_type, at, depth - 1)


def _is_envelope(value: object) -> bool:
    return isinstance(value, dict) and contents_of(value) is not None


def _decoded(content: Content) -> bytes | None:
    try:
        return b64decode("".join(str(content.value).split()), validate=True)
    except ValueError:
        return None


def _parsed(content: bytes) -> Any:
    """Return the JSON of a content, with numbers as they are written, or ``None`` if it is not an object or a list."""
    stripped = content.removeprefix(_BYTE_ORDER_MARK).lstrip()
    if not stripped.startswith((b"{", b"[")) or len(stripped) > MAX_CONTENT_BYTES:
        return None
    try:
        text = stripped.decode("utf-8")
    except UnicodeDecodeError:
        text = stripped.decode("latin-1")
    try:
        return json.loads(
            text, parse_int=str, parse_float=str, parse_constant=str, strict=False, object_pairs_hook=_distinct
        )
    except (ValueError, RecursionError):
        return None


def _distinct(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object of which no key is written twice: which of the two counts is not certain."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is written twice")
    return found


def _bytes(value: str | bytes | bytearray | memoryview) -> bytes:
    return _encoded(value) if isinstance(value, str) else bytes(value)


def _encoded(text: str) -> bytes:
    try:
        # Text of SQLite that is not UTF-8 comes with these surrogates.
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def _require_values(value: Any) -> None:
    """Check that a value is a list of bodies, and not a table or a number."""
    if not isinstance(value, Iterable) or hasattr(value, "columns"):
        raise RcsInputError("bodies", f"a {type(value).__name__} is not a body", _REMEDY)
