"""The formats of a pushed body: JSON, url-encoded and multipart forms, read by what the body holds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

import orjson

from airflow_provider_rcs.api.errors import RcsReportError
from airflow_provider_rcs.api.wire.report_fields import fields_of, has_known_fields, read_entry
from airflow_provider_rcs.api.wire.report_text import is_ascii_text, latin_charset, unpacked, with_utf8

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
UNSUPPORTED_TYPE = f"send {JSON}, {FORM} or {MULTIPART}"

_MAX_FORM_FIELDS = 100
_PLAIN_TYPES = frozenset((str, int, type(None), bool))
# A field whose value is a whole report, or several, in JSON.
_ENVELOPE = "data"
_ENVELOPE_AS_JSON = b'"data'
_MAX_ENVELOPES = 3
# How JSON begins when a client encodes the whole of it as the name of a form's only field.
_JSON_AS_FORM = (b"%7B", b"%5B")
_MULTIPART_START = b"--"
_LONGEST_BOUNDARY = 70  # RFC 2046


def read_entries(content_type: str, body: bytes) -> Sequence[object]:
    """Return what should be the reports and messages of a body.

    The body decides what it is, because clients push JSON with the content type of a form, with ``text/plain`` or none
    (public). The content type only decides between two readings if it names the stricter format.

    :raises RcsReportError: if the body cannot be read, or can be read in two ways.
    """
    claimed = _media_type(content_type)
    # The usual bodies, which need not be read in every other way.
    if claimed == JSON and (entries := _plain_entries(body)):
        return entries
    if claimed == FORM and body[:1].isalpha() and is_ascii_text(body):
        return _read_form(body, content_type)
    content = with_utf8(unpacked(body))
    readings, problems = _readings(content_type, content)
    if claimed in readings and (claimed in (JSON, MULTIPART) or len(readings) == 1):
        return readings[claimed]
    understood = [kind for kind, entries in readings.items() if any(map(_is_understood, entries))]
    if len(understood) > 1:
        raise RcsReportError(f"the body can be read in two ways: as {' and as '.join(understood)}")
    for kind in (*understood, claimed, JSON, MULTIPART):
        if kind in readings:
            return readings[kind]
        if kind == claimed and kind in problems:
            raise problems[kind]
    raise RcsReportError(UNSUPPORTED_TYPE)


def _readings(content_type: str, body: bytes) -> tuple[dict[str, Sequence[object]], dict[str, RcsReportError]]:
    """Return format -> entries for every format that the body may be in, and format -> problem for every other."""
    readers: Mapping[str, Callable[[], Sequence[object]]] = {
        JSON: lambda: _read_json(body, content_type),
        MULTIPART: lambda: _read_multipart(body, content_type),
        FORM: lambda: _read_form(body, content_type),
    }
    readings, problems = {}, {}
    for kind, read in readers.items():
        try:
            readings[kind] = read()
        except RcsReportError as error:
            problems[kind] = error
    return readings, problems


def _is_understood(entry: object) -> bool:
    try:
        read_entry(entry)
    except RcsReportError:
        return False
    return True


def _plain_entries(body: bytes) -> list[dict[str, Any]]:
    """Return the objects of a body if the fast parser loses nothing of them, as of the usual report; otherwise none.

    It keeps the last of two values under one name, and rounds numbers. Without them, the quotes in the body are those
    around its names and its texts.
    """
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return []
    entries = content if isinstance(content, list) else [content]
    quotes = 0
    for each in entries:
        if type(each) is not dict or not each:
            return []
        types = [*map(type, each.values())]
        if not _PLAIN_TYPES.issuperset(types):
            return []
        quotes += 2 * (len(types) + types.count(str))
    return [] if body.count(b'"') != quotes or _ENVELOPE_AS_JSON in body.lower() else entries


def _read_json(body: bytes, content_type: str) -> Sequence[object]:
    if body.lstrip()[:3].upper() in _JSON_AS_FORM:
        body = unquote_to_bytes(body.replace(b"+", b" ")).strip().removesuffix(b"=")
    if not body.lstrip().startswith((b"{", b"[", b'"')):
        raise RcsReportError("the body is not JSON")
    return _entries_of(_load_json(body.decode(latin_charset(body, content_type), "replace")))


def _load_json(text: str) -> Any:
    """Return the content of JSON with its numbers as they are written, however long, and both of two equal names.

    :raises RcsReportError: if it is not JSON.
    """
    try:
        return json.loads(
            text,
            parse_int=orjson.Fragment,
            parse_float=orjson.Fragment,
            parse_constant=_refuse_constant,
            object_pairs_hook=fields_of,
        )
    except (ValueError, RecursionError):
        raise RcsReportError("the body is not JSON") from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(name)


def _entries_of(content: object, envelopes: int = _MAX_ENVELOPES) -> Sequence[object]:
    """Return the entries of a list, which may be an object with numbers as names, or in an envelope, or JSON in text.

    :param envelopes: how many there may be around each other.
    :raises RcsReportError: if the list is empty, or a report is partly in an envelope.
    """
    if isinstance(content, str) and (inner := _json_in(content)) is not None and envelopes:
        return _entries_of(inner, envelopes - 1)
    if isinstance(content, dict):
        inner = _in_envelope(content)
        if inner is not None and envelopes:
            return _entries_of(inner, envelopes - 1)
        # PHP writes a list whose numbers have gaps as an object.
        if content and all(name.strip().isdigit() for name in content):
            content = list(content.values())
    if not isinstance(content, list):
        return [content]
    if not content:
        raise RcsReportError("the list holds no report")
    return [_json_in(each) or each if isinstance(each, str) else each for each in content]


def _in_envelope(fields: Mapping[str, object]) -> object | None:
    """Return what a field holds in place of the object's own fields, or ``None`` if it has no such field.

    :raises RcsReportError: if the object is a report, and the field holds one too.
    """
    found = [value for name, value in fields.items() if name.strip().lower() == _ENVELOPE]
    if len(found) != 1:
        return None
    content = _json_in(found[0]) if isinstance(found[0], str) else found[0]
    if not isinstance(content, dict | list):
        return None
    if not has_known_fields(fields):
        return content
    if any(isinstance(each, dict) and has_known_fields(each) for each in _entries_of(content or {})):
        raise RcsReportError(f"the body can be read in two ways: by its fields and by what is in {_ENVELOPE!r}")
    return None


def _json_in(text: str) -> object | None:
    """Return the object or list that a text holds in JSON, or ``None``."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        content: object = _load_json(text)
    except RcsReportError:
        return None
    return content


def _read_form(body: bytes, content_type: str) -> Sequence[object]:
    charset = latin_charset(unquote_to_bytes(body), content_type)
    try:
        text = body.decode("utf-8" if charset == "utf-8" else "latin-1")
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FORM_FIELDS, encoding=charset)
    except ValueError:
        raise RcsReportError("the form cannot be read") from None
    return _entries_of(fields_of(pairs))


def _read_multipart(body: bytes, content_type: str) -> Sequence[object]:
    """Return the fields of a multipart form.

    :raises RcsReportError: if the form cannot be read, is cut off, or contains a file.
    """
    try:
        boundary = _boundary(body, content_type)
        parts = _multipart_parts(body, boundary)
    # Which errors these are depends on the versions of the parser.
    except Exception:  # noqa: BLE001
        raise RcsReportError("the multipart form cannot be read") from None
    # The parser takes a form without it for whole, and leaves out the field that is cut off.
    closing = b"--%b--" % boundary
    if not (body.startswith(closing) or b"\r\n" + closing in body):
        raise RcsReportError("the multipart form is cut off: it has no closing boundary")
    charset = latin_charset(b"".join([text for pair in parts for text in pair]), content_type)
    return _entries_of(
        fields_of((name.decode(charset, "replace"), value.decode(charset, "replace")) for name, value in parts)
    )


def _boundary(body: bytes, content_type: str) -> bytes:
    """Return the boundary of a multipart form: the one that the header names, or else the body's first line.

    :raises ValueError: if there is none.
    """
    from python_multipart.multipart import parse_options_header

    if _media_type(content_type) == MULTIPART:
        named = parse_options_header(content_type.encode("latin-1", "replace"))[1].get(b"boundary", b"")
        if named and b"--" + named in body:
            return named
    first_line = body.lstrip().partition(b"\r\n")[0]
    own = first_line.removeprefix(_MULTIPART_START).rstrip()
    if not first_line.startswith(_MULTIPART_START) or not 0 < len(own) <= _LONGEST_BOUNDARY:
        raise ValueError
    return own


def _multipart_parts(body: bytes, boundary: bytes) -> list[tuple[bytes, bytes]]:
    """Return (name, value) of each field of a multipart form.

    :raises ValueError: if a field has no name, is a file, or there are too many; the parser raises errors of its own.
    """
    from python_multipart.multipart import MultipartParser, parse_options_header

    parts: list[tuple[bytes, bytes]] = []
    header, value, content, disposition = bytearray(), bytearray(), bytearray(), bytearray()

    def begin() -> None:
        content.clear()
        disposition.clear()

    def end_header() -> None:
        if header.lower() == b"content-disposition":
            disposition[:] = value
        header.clear()
        value.clear()

    def end() -> None:
        options = parse_options_header(bytes(disposition))[1]
        if b"filename" in options or len(parts) == _MAX_FORM_FIELDS:
            raise ValueError
        parts.append((options[b"name"], bytes(content)))

    parser = MultipartParser(
        boundary,
        {
            "on_part_begin": begin,
            "on_part_data": lambda data, start, stop: content.extend(data[start:stop]),
            "on_part_end": end,
            "on_header_field": lambda data, start, stop: header.extend(data[start:stop]),
            "on_header_value": lambda data, start, stop: value.extend(data[start:stop]),
            "on_header_end": end_header,
        },
    )
    parser.write(body)
    parser.finalize()
    return parts


@lru_cache(maxsize=64)
def _media_type(content_type: str) -> str:
    kind = content_type.partition(";")[0].strip().lower()
    return JSON if kind == "text/json" or kind.endswith("+json") else kind
