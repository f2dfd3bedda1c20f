from __future__ import annotations

import gzip
import io
import json

import pytest

from airflow_provider_rcs.landing.file_contents import bodies_of_file

MULTIPART = b'--x\r\nContent-Disposition: form-data; name="Estado"\r\n\r\n13\r\n--x--\r\n'


def bodies(content: bytes) -> list[bytes]:
    return [raw.body for raw in bodies_of_file(io.BytesIO(content))]


@pytest.mark.parametrize(
    "content",
    [
        b"Estado=13&Movil=34600000001",
        MULTIPART,
        b'{"Estado": "13"}',
        b'{\n  "Estado": "13",\n  "Movil": "34600000001"\n}',
        b'[{"Estado": "13"},\n{"Estado": "11"}]',
        b'{"Estado": "13",',
        b'{\n  "Estado": "13",\n}',
        b"<html>\n<body>\n</html>",
        b'Warning: x\n{"Estado": "13"}',
    ],
)
def test_a_file_of_one_body_gives_that_body(content: bytes) -> None:
    assert bodies(content) == [content]
    assert bodies(gzip.compress(content)) == [content]


@pytest.mark.parametrize("content", [b"", b" \n", b"\xef\xbb\xbf", gzip.compress(b"", mtime=0)])
def test_an_empty_file_gives_none(content: bytes) -> None:
    assert bodies(content) == []


def test_lines_of_forms_that_begin_alike_are_a_body_each() -> None:
    lines = [b"Estado=13&Movil=34600000001", b"Estado=11&Movil=34600000002&Mensaje="]

    assert bodies(b"\r\n".join(lines) + b"\n") == lines


def test_lines_of_forms_that_do_not_begin_alike_are_refused_together() -> None:
    content = b"Movil=34600000001&Estado=13\nEstado=11&Movil=34600000002"

    [raw] = bodies_of_file(io.BytesIO(content))

    assert raw.body == content
    assert raw.problem == "the lines of the file are not forms that all begin with the same field"


def test_a_byte_order_mark_is_not_part_of_the_first_body() -> None:
    assert bodies(b'\xef\xbb\xbf{"a": 1}\n{"b": 2}') == [b'{"a": 1}', b'{"b": 2}']


def test_more_values_than_fit_into_memory_at_once_are_all_found() -> None:
    line = json.dumps({"Estado": "13", "note": "x" * 1_000}).encode()

    assert bodies(b"\n".join([line] * 5_000)) == [line] * 5_000


@pytest.mark.slow
def test_a_compressed_file_that_is_cut_off_gives_what_it_holds_and_itself() -> None:
    line = b'{"Estado": "13"}\n'
    packed = gzip.compress(line * 100_000)[:-20]

    found = list(bodies_of_file(io.BytesIO(packed)))

    assert found[-1].body == packed
    assert found[-1].problem == "the file cannot be unpacked as gzip"
