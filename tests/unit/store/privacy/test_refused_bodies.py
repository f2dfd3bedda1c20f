from __future__ import annotations

import gzip
import json
import zlib
from base64 import b64encode, encodebytes, urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_rcs.store.privacy.refused_bodies import PhoneSearch

ANA = "+34612345678"
WRITINGS = ["+34612345678", "34612345678", "0034 612 345 678", "+34 (612) 34-56.78", "612 345 678", "612345678"]
ENCODINGS: dict[str, Callable[[str], bytes]] = {
    "plain": str.encode,
    "form": lambda text: urlencode({"Destinatario": text, "Estado": "13"}).encode(),
    "percent": lambda text: quote(text, safe="").encode(),
    "percent twice": lambda text: quote(quote_plus(text)).encode(),
    "every character in percent": lambda text: "".join(f"%{ord(each):02x}" for each in text).encode(),
    "UTF-16": lambda text: f'{{"Destinatario": "{text}"'.encode("utf-16"),
    "UTF-16 without a mark": lambda text: text.encode("utf-16-be"),
    "UTF-32": lambda text: text.encode("utf-32"),
    "gzip": lambda text: gzip.compress(f"Destinatario={text}".encode()),
    "gzip that breaks off": lambda text: gzip.compress(f"Destinatario={text};".encode() * 40)[:-12],
    "zlib": lambda text: zlib.compress(text.encode()),
    "deflate": lambda text: zlib.compress(text.encode(), wbits=-15),
    "gzip of UTF-16": lambda text: gzip.compress(text.encode("utf-16")),
    "Base64": lambda text: b64encode(f"Destinatario={text}".encode()),
    "Base64 in JSON": lambda text: json.dumps({"a": urlsafe_b64encode(f"ÿÿ>{text}".encode()).decode()}).encode(),
    "Base64 in lines": lambda text: encodebytes(f"{'-' * 52}{text}".encode()),
    "Base64 in lines in JSON": lambda text: json.dumps(encodebytes(f"{'-' * 52}{text}".encode()).decode()).encode(),
    "Base64 as PHP escapes it": lambda text: b64encode(b"\xff" * 9 + text.encode()).replace(b"/", b"\\/"),
    "gzip in Base64": lambda text: b64encode(gzip.compress(text.encode())),
    "JSON escapes": lambda text: "".join(f"\\u{ord(each):04x}" for each in text).encode(),
    "XML escapes": lambda text: "".join(f"&#{ord(each)};" for each in text).encode(),
    "hard spaces in HTML": lambda text: text.replace(" ", "&nbsp;").encode(),
    "hard spaces": lambda text: text.replace(" ", "\u00a0").encode("latin-1"),
    "full width": lambda text: text.translate({ord("0") + n: 0xFF10 + n for n in range(10)}).encode(),
    "quoted printable": lambda text: f"{text[:5]}=\r\n{text[5:]}".encode(),
    "a line of the spool": lambda text: json.dumps([b"\xff\0".decode("latin-1") + text]).encode()[:-2],
}


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS.keys())
@pytest.mark.parametrize("text", WRITINGS)
def test_a_phone_is_found_in_every_writing_and_encoding(text: str, encode: Callable[[str], bytes]) -> None:
    assert PhoneSearch(ANA).is_in(encode(text))


@pytest.mark.parametrize("encode", ENCODINGS.values(), ids=ENCODINGS.keys())
@pytest.mark.parametrize("text", ["+34612345679", "612 345 67", "61234567", "7612345678901", "6123456789", ""])
def test_another_number_is_not_taken_for_the_phone(text: str, encode: Callable[[str], bytes]) -> None:
    assert not PhoneSearch(ANA).is_in(encode(text))


@pytest.mark.parametrize(
    ("phone", "body"),
    [
        ("+447911123456", b"+44 (0) 7911 123456"),
        ("+447911123456", b"07911 123456"),
        ("+390612345678", b"06 1234 5678"),
        ("+79161234567", b"8 (916) 123-45-67"),
        ("+5491123456789", b"011 15-2345-6789"),
        ("+12125550123", b"(212) 555-0123"),
        ("+12125550123", b"1-212-555-0123"),
    ],
)
def test_a_phone_is_found_as_it_is_dialled_in_its_country(phone: str, body: bytes) -> None:
    assert PhoneSearch(phone).is_in(body)


def test_digits_of_two_fields_are_not_joined_to_a_phone() -> None:
    assert not PhoneSearch(ANA).is_in(b'{"idCampaign": 34612, "idMensaje": 345678}')


@given(st.binary(max_size=200))
def test_any_body_can_be_searched(body: bytes) -> None:
    assert not PhoneSearch(ANA).is_in(body)


@pytest.mark.slow
def test_a_body_that_decompresses_to_more_than_memory_holds_can_be_searched() -> None:
    bomb = gzip.compress(bytes(20 * 1024 * 1024))[: 64 * 1024]

    assert not PhoneSearch(ANA).is_in(bomb)
