"""The text of pushed bodies, compressed or not, in each charset."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_rcs.api.errors import RcsReportError
from airflow_provider_rcs.api.wire.report_text import latin_charset, unpacked, with_utf8
from tests.unit.api.wire.bodies import FORM, JSON

MEBIBYTE = 1024 * 1024


def deflated(content: bytes) -> bytes:
    """Return a content compressed by deflate without a header, as some servers understand HTTP's deflate."""
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(content) + compressor.flush()


COMPRESSIONS = [gzip.compress, zlib.compress, deflated]
texts = st.text(min_size=1, max_size=300).map(str.encode) | st.binary(min_size=1, max_size=300)


@pytest.mark.parametrize("compress", COMPRESSIONS)
@given(content=texts)
def test_what_is_compressed_is_unpacked(compress: type[bytes], content: bytes) -> None:
    assert unpacked(compress(content)) == content


@given(content=st.text(max_size=300), charset=st.sampled_from(["utf-8", "utf-16", "utf-8-sig"]))
def test_text_is_not_taken_for_compressed(content: str, charset: str) -> None:
    body = f"Estado={content}".encode(charset, "replace")

    assert unpacked(body) == body


@pytest.mark.parametrize("compress", COMPRESSIONS)
def test_a_body_may_hold_up_to_one_mebibyte(compress: type[bytes]) -> None:
    assert len(unpacked(compress(b"x" * MEBIBYTE))) == MEBIBYTE

    with pytest.raises(RcsReportError, match="^the compressed body holds more than 1 MiB$"):
        unpacked(compress(b"x" * (MEBIBYTE + 1)))


def test_only_one_layer_is_unpacked() -> None:
    once = gzip.compress(b"x")

    assert unpacked(gzip.compress(once)) == once


@pytest.mark.parametrize(
    "damaged", [lambda body: body[:-1], lambda body: body + b"x", lambda body: body[:-8] + bytes(8)]
)
def test_a_damaged_compressed_body_is_refused(damaged: type[bytes]) -> None:
    with pytest.raises(RcsReportError, match="^the compressed body is damaged$"):
        unpacked(damaged(gzip.compress(b"Estado=13")))


@pytest.mark.parametrize("charset", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16_and_a_byte_order_mark_are_recognized(charset: str) -> None:
    assert with_utf8('{"Agente": "Año"}'.encode(charset)) == '{"Agente": "Año"}'.encode()


def test_damaged_utf_16_is_refused() -> None:
    with pytest.raises(RcsReportError, match="^the body is not text$"):
        with_utf8(b"\xff\xfe{\x00\x00\xd8")


@pytest.mark.parametrize(
    ("text", "content_type", "charset"),
    [
        ("Año".encode(), JSON, "utf-8"),
        ("Año".encode(), f"{JSON}; charset=iso-8859-1", "utf-8"),
        ("Año".encode("latin-1"), JSON, "latin-1"),
        ("Año".encode("latin-1"), f"{JSON}; charset=utf-8", "latin-1"),
        ("5 €".encode("cp1252"), f"{FORM}; charset=windows-1252", "cp1252"),
        ("5 €".encode("iso8859-15"), f'{FORM}; charset="ISO-8859-15"', "iso8859-15"),
        ("Año".encode("latin-1"), f"{JSON}; charset=utf-7", "latin-1"),
        ("Año".encode("latin-1"), f"{JSON}; charset*=utf-8''utf%00", "latin-1"),
        ("Año".encode("latin-1"), f"{JSON}; charset=no-such", "latin-1"),
    ],
)
def test_the_charset_is_utf_8_if_the_bytes_are_and_else_a_latin_one(
    text: bytes, content_type: str, charset: str
) -> None:
    assert latin_charset(text, content_type) == charset
