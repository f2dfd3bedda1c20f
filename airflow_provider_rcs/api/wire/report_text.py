"""The text of a pushed body, which may be compressed, and in one of several charsets."""

from __future__ import annotations

import codecs
import re
import zlib
from email.message import Message
from functools import lru_cache

from airflow_provider_rcs.api.errors import RcsReportError
from airflow_provider_rcs.api.wire.lenient_json import is_utf8

_MAX_UNPACKED_BYTES = 1024 * 1024
_GZIP = b"\x1f\x8b"
_WITH_GZIP_HEADER, _WITH_ZLIB_HEADER, _WITHOUT_HEADER = zlib.MAX_WBITS | 16, zlib.MAX_WBITS, -zlib.MAX_WBITS
_NOT_IN_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_LATIN_CHARSETS = ("iso8859-1", "iso8859-15", "cp1252")
_FIRST_BYTES = 8
_UTF_16 = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def unpacked(body: bytes) -> bytes:
    """Return what a body holds that is compressed by gzip or deflate; another body as it is.

    The body decides, not its headers: a proxy may unpack it and leave the header, or the reverse. Only one layer
    is unpacked.

    :raises RcsReportError: if it holds more than 1 MiB, or is compressed by gzip and damaged.
    """
    if body.startswith(_GZIP):
        content = _inflated(body, _WITH_GZIP_HEADER)
        if content is None:
            raise RcsReportError("the compressed body is damaged")
        return content
    if _is_text(body):
        return body
    # The checksum of the one, and that both end where the body ends, tell them from a text in another charset.
    return _inflated(body, _WITH_ZLIB_HEADER) or _inflated(body, _WITHOUT_HEADER) or body


def _inflated(body: bytes, window_bits: int) -> bytes | None:
    """Return what a body holds, or ``None`` if it is not one whole compressed content.

    :raises RcsReportError: if it holds too much.
    """
    decompressor = zlib.decompressobj(window_bits)
    try:
        content = decompressor.decompress(body, _MAX_UNPACKED_BYTES + 1)
    except zlib.error:
        return None
    if len(content) > _MAX_UNPACKED_BYTES:
        raise RcsReportError("the compressed body holds more than 1 MiB")
    return content if decompressor.eof and not decompressor.unused_data else None


def is_ascii_text(body: bytes) -> bool:
    """Return whether a body is plain ASCII, which it is in most charsets, and not compressed."""
    return body.isascii() and not _NOT_IN_TEXT.search(body)


def _is_text(body: bytes) -> bool:
    return bool(_utf_16_of(body)) or (is_utf8(body) and not _NOT_IN_TEXT.search(body))


def with_utf8(body: bytes) -> bytes:
    """Return a body without its byte order mark, and in UTF-8 if it is in UTF-16.

    :raises RcsReportError: if it is in UTF-16, and damaged.
    """
    charset = _utf_16_of(body)
    if not charset:
        return body.removeprefix(codecs.BOM_UTF8)
    try:
        return body.decode(charset).removeprefix("\ufeff").encode("utf-8")
    except UnicodeError:
        raise RcsReportError("the body is not text") from None


def _utf_16_of(body: bytes) -> str:
    """Return which UTF-16 a body is in: by its mark, or by the zeros in its first characters; empty for none."""
    for mark, charset in _UTF_16:
        if body.startswith(mark):
            return charset
    first, second = body[0:_FIRST_BYTES:2], body[1:_FIRST_BYTES:2]
    zeros = bytes(_FIRST_BYTES // 2)
    if first == zeros and b"\0" not in second:
        return "utf-16-be"
    return "utf-16-le" if second == zeros and b"\0" not in first else ""


def latin_charset(text: bytes, content_type: str) -> str:
    """Return the charset of bytes: UTF-8 if they are valid in it, or else the Latin one of a header, or Latin-1.

    Latin text that is valid UTF-8 by chance makes no sense, and so the header is not asked first: it is often wrong.

    :param content_type: the header.
    """
    return "utf-8" if is_utf8(text) else _named_charset(content_type)


@lru_cache(maxsize=64)
def _named_charset(content_type: str) -> str:
    header = Message()
    header["content-type"] = content_type
    try:
        name = codecs.lookup(header.get_content_charset("utf-8")).name
    # A name that is unknown, or that no codec could have.
    except (LookupError, ValueError):
        return "latin-1"
    return name if name in _LATIN_CHARSETS else "latin-1"
