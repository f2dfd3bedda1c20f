"""The raw bodies in a file, which is read by what it holds and not by its name."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import IO, cast

from airflow_provider_rcs.landing.json_values import has_values, json_values
from airflow_provider_rcs.landing.raw_bodies import (
    CUT,
    MAX_BODY_BYTES,
    MAX_CONTENT_BYTES,
    RawBody,
    raw_bodies,
)

_GZIP = b"\x1f\x8b"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_FIELD = re.compile(rb"\s*([A-Za-z_][^=&\s]*=)")
# Lines of forms are looked at together.
_MAX_TEXT_BYTES = 16 * 1024 * 1024
_SEVERAL_LINES = "the lines of the file are not forms that all begin with the same field"
_BROKEN_GZIP = "the file cannot be unpacked as gzip"


def bodies_of_file(file: IO[bytes], content_type: str = "", received_at: datetime | None = None) -> Iterator[RawBody]:
    """Yield the raw bodies in a file.

    JSON values, a line each or one after the other, are a body or an envelope each. Lines that are forms are a body
    each, if they all begin with the same field. Any other content is one body. A file may be compressed with gzip.

    :param file: the open file.
    :param content_type: the content type of bodies that have none in an envelope.
    :param received_at: when those were received whose envelope does not say so.
    """
    with _unpacked(file) as content:
        try:
            yield from _of_content(content, content_type, received_at)
        except (EOFError, gzip.BadGzipFile, zlib.error):
            file.seek(0)
            yield RawBody(file.read(MAX_CONTENT_BYTES + 1), content_type, received_at, _BROKEN_GZIP)


@contextmanager
def _unpacked(file: IO[bytes]) -> Iterator[IO[bytes]]:
    begin = file.read(len(_GZIP))
    file.seek(0)
    if begin != _GZIP:
        yield file
        return
    with gzip.GzipFile(fileobj=file) as unpacked:
        yield cast("IO[bytes]", unpacked)


def _of_content(file: IO[bytes], content_type: str, received_at: datetime | None) -> Iterator[RawBody]:
    begun = file.read(MAX_CONTENT_BYTES + 1).removeprefix(_BYTE_ORDER_MARK)
    if begun.lstrip().startswith((b"{", b"[")):
        yield from _of_json(file, begun, content_type, received_at)
    elif begun.strip():
        text = begun + file.read(_MAX_TEXT_BYTES + 1 - len(begun))
        yield from _of_text(text, content_type, received_at)


def _of_json(file: IO[bytes], begun: bytes, content_type: str, received_at: datetime | None) -> Iterator[RawBody]:
    if len(begun) <= MAX_CONTENT_BYTES and not has_values(begun):
        yield RawBody(begun.strip(), content_type, received_at)
        return
    for piece in json_values(file, begun, MAX_CONTENT_BYTES):
        if piece.is_cut:
            yield RawBody(piece.content[:MAX_BODY_BYTES], content_type, received_at, CUT, is_cut=True)
        else:
            yield from raw_bodies(piece.content, content_type, received_at)


def _of_text(text: bytes, content_type: str, received_at: datetime | None) -> Iterator[RawBody]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    first = _FIELD.match(lines[0])
    if first is None or len(lines) == 1 or len(text) > _MAX_TEXT_BYTES:
        # A multipart form is one body as well, and ends with a line break.
        yield RawBody(text, content_type, received_at)
    elif all(line.startswith(first[1]) for line in lines):
        for line in lines:
            yield RawBody(line, content_type, received_at)
    else:
        # As one form, it would be read with values of several.
        yield RawBody(text, content_type, received_at, _SEVERAL_LINES)
