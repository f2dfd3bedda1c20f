"""Forms are parsed as PHP parses them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_rcs.sandbox.forms import parse_multipart, parse_url_encoded

BOUNDARY = "----7fa1b3"
CONTENT_TYPE = f"multipart/form-data; boundary={BOUNDARY}"
NAMES = st.text(st.characters(codec="utf-8", exclude_characters='[]"\r\n'), min_size=1, max_size=8)
VALUES = st.text(st.characters(codec="utf-8"), max_size=20)


def multipart(fields: dict[str, str]) -> bytes:
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    return "".join([*parts, f"--{BOUNDARY}--\r\n"]).encode()


@pytest.mark.parametrize(
    ("form", "fields"),
    [
        ("a=1&b=", {"a": "1", "b": ""}),
        ("a[0]=x&a[1]=y", {"a": ["x", "y"]}),
        ("a[]=x&a[]=y", {"a": ["x", "y"]}),
        ("a[0][n]=x&a[0][v][0][w]=z&a[1][n]=y", {"a": [{"n": "x", "v": [{"w": "z"}]}, {"n": "y"}]}),
        ("a[k]=x", {"a": {"k": "x"}}),
        ("a[1]=x", {"a": {"1": "x"}}),
        ("[0]=x", {"[0]": "x"}),
        ("a]=x", {"a]": "x"}),
    ],
)
def test_names_with_brackets_are_arrays(form: str, fields: dict[str, Any]) -> None:
    assert parse_url_encoded(form.encode()) == fields


@pytest.mark.parametrize("form", ["a=1&a[0]=2", "a[0]=1&a[0][b]=2"])
def test_name_that_is_a_text_and_an_array_is_an_error(form: str) -> None:
    with pytest.raises(ValueError, match="a text and an array"):
        parse_url_encoded(form.encode())


@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_any_text_comes_back_from_both_forms(fields: dict[str, str]) -> None:
    url_encoded = "&".join(f"{quote(name)}={quote(value)}" for name, value in fields.items())

    assert parse_url_encoded(url_encoded.encode()) == fields
    assert parse_multipart(multipart(fields), CONTENT_TYPE) == fields


def test_boundary_may_be_quoted_and_parts_may_have_other_headers() -> None:
    body = (
        b"preamble\r\n--x y\r\nContent-Type: text/plain\r\n"
        b'Content-Disposition: form-data; filename="f"; name="a"\r\n\r\n1\r\n--x y--'
    )

    assert parse_multipart(body, 'multipart/form-data; charset=utf-8; BOUNDARY="x y"') == {"a": "1"}


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (multipart({"a": "1"}), "multipart/form-data"),
        (multipart({"a": "1"})[:-8], CONTENT_TYPE),
        (multipart({"a": "1"}).replace(b"name=", b"nombre="), CONTENT_TYPE),
        (multipart({"a": "1"}).replace(b"\r\n1\r\n", b"\r\n\xff\r\n"), CONTENT_TYPE),
    ],
)
def test_multipart_form_that_cannot_be_read_is_an_error(body: bytes, content_type: str) -> None:
    with pytest.raises(ValueError):
        parse_multipart(body, content_type)
