"""Phones in bodies that could not be understood, in whatever form a client may have written them: found, and masked."""

from __future__ import annotations

import html
import re
import zlib
from base64 import b64decode
from collections.abc import Iterator
from urllib.parse import unquote_to_bytes

from airflow_provider_rcs.api.masking import mask_phone

# Between two digits: a space, a dash, a bracket and a space; not a letter, which ends a number.
_SEPARATORS = r"[^0-9A-Za-z]{0,3}"
_JSON_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_OTHER_DIGIT = re.compile(r"(?![0-9])\d")
_BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{12,}={0,2}")
_BASE64_TEXT = re.compile(_BASE64.pattern.decode())
# In lines, as MIME has it, whose breaks JSON escapes; it may escape slashes as well.
_LINE_BREAK_IN_BASE64 = re.compile(rb"(?<=[A-Za-z0-9+/_-]{12})(?:[\r\n]|\\[rn])+(?=[A-Za-z0-9+/_-])")
# Any number that is long enough for a phone; ids are masked as well.
_POSSIBLE_PHONE = re.compile(rf"[0-9](?:{_SEPARATORS}[0-9]){{6,}}")
_ENCODED = "(encoded)"
_TO_STANDARD_BASE64 = bytes.maketrans(b"-_", b"+/")
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
# Compressed Base64, or the reverse.
_LAYERS = 2
# What a compressed body may hold; a hostile one could hold a thousand times its size.
_MAX_DECOMPRESSED_BYTES = 2 * 1024 * 1024
_COMPRESSIONS = (zlib.MAX_WBITS | 32, -zlib.MAX_WBITS)  # gzip or zlib, and deflate without a header


class PhoneSearch:
    """Finds a phone in bodies: with or without its country code, in any encoding that is not a cipher.

    It rather finds too much than too little: a body that it finds is deleted, and was of no use to anyone.

    :param phone: in E.164, such as ``+34600000001``.
    """

    def __init__(self, phone: str) -> None:
        international, *national = (_SEPARATORS.join(digits) for digits in _forms_of(phone))
        # National digits could be a part of a longer number; one or two more are a prefix for calls inside the country.
        prefix = f"(?<![0-9])(?:[0-9]{_SEPARATORS}){{0,2}}"
        self._pattern = re.compile(f"{international}|{prefix}(?:{'|'.join(national)})(?![0-9])")

    def is_in(self, body: bytes) -> bool:
        """Return whether a body contains the phone."""
        return any(self._pattern.search(text) for content in _layers(body, _LAYERS) for text in _texts(content))


def mask_body(body: bytes) -> str:
    """Return a body as text for people, with every number masked that may be a phone, also where it is encoded."""
    content = unquote_to_bytes(next(_decompressed(body), body))
    encoding = "utf-16" if content.startswith(_UTF16_MARKS) else "utf-8"
    plain = content if encoding == "utf-16" else content.replace(b"\0", b"")
    try:
        text = plain.decode(encoding)
    except UnicodeDecodeError:
        text = plain.decode("latin-1")
    masked = _BASE64_TEXT.sub(_mask_base64, list(_unescaped(text))[-1])
    masked = _POSSIBLE_PHONE.sub(lambda found: mask_phone(found[0]), masked)
    return "".join(each if each.isprintable() or each in "\n\t" else "\N{REPLACEMENT CHARACTER}" for each in masked)


def _mask_base64(found: re.Match[str]) -> str:
    inner = (text for one in _decoded(found[0].encode()) for each in _layers(one, _LAYERS) for text in _texts(each))
    return _ENCODED if any(map(_POSSIBLE_PHONE.search, inner)) else found[0]


def _forms_of(phone: str) -> list[str]:
    """Return the digits of a phone with its country code, and without it as they are dialled inside the country."""
    import phonenumbers

    number = phonenumbers.parse(phone)
    dialled = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
    national = {phonenumbers.national_significant_number(number), re.sub("[^0-9]", "", dialled)}
    return [phone.removeprefix("+"), *sorted(national)]


def _layers(content: bytes, depth: int) -> Iterator[bytes]:
    """Yield a content, and what is compressed or written as Base64 in it."""
    yield content
    if depth:
        for inner in (*_decompressed(content), *_decoded(content)):
            yield from _layers(inner, depth - 1)


def _decompressed(content: bytes) -> Iterator[bytes]:
    for window_bits in _COMPRESSIONS:
        try:
            if inner := zlib.decompressobj(window_bits).decompress(content, _MAX_DECOMPRESSED_BYTES):
                yield inner
        except zlib.error:
            continue


def _decoded(content: bytes) -> Iterator[bytes]:
    for each in {content, _LINE_BREAK_IN_BASE64.sub(b"", content.replace(b"\\/", b"/"))}:
        for match in _BASE64.finditer(each):
            text = match[0].rstrip(b"=").translate(_TO_STANDARD_BASE64)
            # The last of one character more than a multiple of four is no whole byte.
            whole = text[:-1] if len(text) % 4 == 1 else text
            yield b64decode(whole + b"=" * (-len(whole) % 4))


def _texts(content: bytes) -> Iterator[str]:
    """Yield the texts that a content may be, with escaped characters and as they stand."""
    once = unquote_to_bytes(content)
    for each in {content, once, unquote_to_bytes(once)}:
        # Without the zeros, UTF-16 and UTF-32 of digits is ASCII.
        yield from _unescaped(each.replace(b"\0", b"").decode("utf-8", "ignore"))
        if each.startswith(_UTF16_MARKS):
            yield from _unescaped(each.decode("utf-16", "ignore").replace("\0", ""))


def _unescaped(text: str) -> Iterator[str]:
    in_ascii = _OTHER_DIGIT.sub(lambda digit: str(int(digit[0])), text)
    yield in_ascii
    if "\\u" in text or "&" in text:
        yield html.unescape(_JSON_ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), in_ascii))
