from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_rcs.landing.json_values import Piece, has_values, json_values

SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=20)
OBJECTS = st.dictionaries(st.text(max_size=5), st.recursive(SCALARS, st.lists, max_leaves=5), max_size=4)
VALUES = OBJECTS | st.lists(OBJECTS, max_size=3)


def pieces(content: bytes, begun: int = 10, max_bytes: int = 1_000_000) -> list[Piece]:
    return list(json_values(io.BytesIO(content[begun:]), content[:begun], max_bytes))


@pytest.mark.slow
@given(
    st.lists(VALUES, min_size=1, max_size=8),
    st.sampled_from(["", "\n", " ", "\r\n", "\n\n\t", "\x1e"]),
    st.sampled_from([None, 2]),
    st.booleans(),
    st.integers(0, 50),
)
def test_values_are_found_however_they_are_written_and_read(
    values: list[object], between: str, indent: int | None, ascii_only: bool, begun: int
) -> None:
    written = [json.dumps(value, indent=indent, ensure_ascii=ascii_only) for value in values]

    found = pieces(between.join(written).encode(), begun)

    assert found == [Piece(each.encode()) for each in written]


@given(st.binary(max_size=400))
def test_no_byte_but_spaces_is_lost(content: bytes) -> None:
    found = b"".join(piece.content for piece in pieces(content, 0))

    spaces = bytes(range(0x1C, 0x21)) + b"\t\n\v\f\r\x85\xa0"
    assert found.translate(None, spaces) == content.translate(None, spaces)


def test_a_wrong_line_does_not_cost_the_others() -> None:
    content = b'{"a": 1}\n{"b": oops}\nneither\n{"c": "cut\n{"d": 4}\n'

    assert [piece.content for piece in pieces(content)] == [
        b'{"a": 1}',
        b'{"b": oops}',
        b"neither",
        b'{"c": "cut',
        b'{"d": 4}',
    ]


@pytest.mark.parametrize("begin", [b'{"a": "', b"[1, [", b"no JSON: "])
def test_what_is_larger_than_allowed_is_cut_and_ends_the_file(begin: bytes) -> None:
    content = b'{"first": 1}\n' + begin + b"x" * 3_000_000 if begin != b"[1, [" else begin + b"1, " * 1_000_000

    found = pieces(content, max_bytes=1_000)

    assert found[-1].is_cut
    assert len(found[-1].content) == 1_000
    assert len(found) <= 2


def test_deep_nesting_is_not_an_error() -> None:
    assert [piece.content for piece in pieces(b"[" * 100_000 + b'\n{"a": 1}')] == [b"[" * 100_000, b'{"a": 1}']


@pytest.mark.parametrize(
    ("content", "has_some"),
    [
        (b'{"a": 1}', True),
        (b'\n {"a": \n 1}', True),
        (b'{"a": oops}\n{"b": 1}', True),
        (b'{"a": oops}', False),
        (b'{\n"a": oops\n}', False),
        (b"", False),
    ],
)
def test_a_file_without_any_value_is_recognised(content: bytes, has_some: bool) -> None:
    assert has_values(content) is has_some
