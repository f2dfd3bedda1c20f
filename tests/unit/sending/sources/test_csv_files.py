"""CSV files with any separator and encoding, also compressed."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.sending.sources import chunks_of

TEXT = 'teléfono;name\n0034600000001;"Núñez; Íñigo"\n'
ROWS = {"teléfono": ["0034600000001"], "name": ["Núñez; Íñigo"]}


def write(folder: Path, content: bytes, name: str = "people.csv") -> str:
    (folder / name).write_bytes(content)
    return (folder / name).as_uri()


def rows_of(path: str, options: Any = None) -> dict[str, list[object]]:
    [chunk] = chunks_of(path, options)
    return {name: list(cells) for name, cells in chunk.items()}


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16", "utf-8", "UTF8", "utf-8-sig"])
@pytest.mark.parametrize("pack", [False, True])
def test_a_file_of_any_encoding_is_read_compressed_or_not(tmp_path: Path, encoding: str, pack: bool) -> None:
    content = TEXT.encode(encoding)
    path = write(tmp_path, gzip.compress(content) if pack else content, "people.csv.gz" if pack else "people.csv")

    assert rows_of(path, {"separator": ";", "encoding": encoding}) == ROWS


def test_a_tabulator_separates_cells(tmp_path: Path) -> None:
    path = write(tmp_path, b"phone\tname\n1\tAna, Eva\n")

    assert rows_of(path, {"separator": "\t"}) == {"phone": ["1"], "name": ["Ana, Eva"]}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"delimiter": ";"},
            "read_options: there is no option 'delimiter'. The options are 'separator' and 'encoding'",
        ),
        ({"separator": "||"}, r"read_options\['separator'\]: '\|\|' is not one character"),
        ({"separator": '"'}, r"""read_options\['separator'\]: '"' is not one character"""),
        ({"separator": None}, r"read_options\['separator'\]: None is not one character"),
        ({"encoding": "klingon"}, r"read_options\['encoding'\]: 'klingon' is not an encoding of text"),
        ({"encoding": "rot13"}, r"read_options\['encoding'\]: 'rot13' is not an encoding of text"),
        ({"encoding": None}, r"read_options\['encoding'\]: None is not an encoding of text"),
        ("separator=;", "read_options: it is a str"),
    ],
)
def test_an_option_that_cannot_be_used_is_refused(tmp_path: Path, options: Any, message: str) -> None:
    with pytest.raises(RcsInputError, match=message):
        rows_of(write(tmp_path, b"phone\n1\n"), options)


def test_a_file_in_another_encoding_is_refused_with_the_option_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(RcsInputError, match="is not text in UTF-8.*read_options=") as refused:
        rows_of(write(tmp_path, TEXT.encode("latin-1")))

    assert "346" not in str(refused.value)


@pytest.mark.parametrize(
    "content", [b"phone\n34600000001\n", gzip.compress(b"phone\n34600000001\n")[:-9]], ids=["plain", "cut off"]
)
def test_a_file_that_is_not_whole_gzip_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(RcsInputError, match="people.csv.gz cannot be unpacked as gzip") as refused:
        rows_of(write(tmp_path, content, "people.csv.gz"))

    assert "346" not in str(refused.value)


def test_columns_of_the_same_name_are_named(tmp_path: Path) -> None:
    with pytest.raises(RcsInputError, match=r"two columns have the same name: 'name' \(columns 2 and 3\)"):
        rows_of(write(tmp_path, b"phone,name,name\n1,2,3\n"))


def test_a_file_without_a_header_is_not_quoted(tmp_path: Path) -> None:
    with pytest.raises(RcsInputError, match="is the header missing") as refused:
        rows_of(write(tmp_path, b"34600000001,Ana,Ana\n34600000002,Eva,Eva\n"))

    assert "Ana" not in str(refused.value)
