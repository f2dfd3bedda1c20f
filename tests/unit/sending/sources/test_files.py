from __future__ import annotations

import csv
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from airflow.providers.common.compat.sdk import ObjectStoragePath
from airflow.sdk.io import attach
from hypothesis import given
from hypothesis import strategies as st
from upath import UPath

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.recipients.chunks import ROWS_PER_CHUNK
from airflow_provider_rcs.sending.sources import chunks_of

CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


def write_csv(path: Path, text: str, encoding: str = "utf-8") -> str:
    path.write_bytes(text.encode(encoding))
    return path.as_uri()


def write_parquet(path: Path, table: pa.Table) -> str:
    pq.write_table(table, path)
    return path.as_uri()


def rows_of(path: object) -> dict[str, list[object]]:
    rows: dict[str, list[object]] = {}
    for chunk in chunks_of(path):
        for name, cells in chunk.items():
            rows.setdefault(name, []).extend(cells)
    return rows


def test_cells_of_a_csv_file_are_read_as_text(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "people.csv", "phone,discount,since\n0034600000001,010.50,2026-01-02\n600000002,,\n")

    assert rows_of(path) == {
        "phone": ["0034600000001", "600000002"],
        "discount": ["010.50", ""],
        "since": ["2026-01-02", ""],
    }


@given(st.lists(st.tuples(CELLS, CELLS), max_size=20))
def test_any_text_survives_a_csv_file(cells: list[tuple[str, str]]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "people.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, quoting=csv.QUOTE_ALL).writerows([("phone", "name"), *cells])

        rows = rows_of(path.as_uri())

    assert list(zip(rows.get("phone", ()), rows.get("name", ()), strict=True)) == cells


def test_a_byte_order_mark_is_not_part_of_the_first_column_name(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "people.csv", "phone,name\r\n34600000001,Íñigo\r\n\r\n", encoding="utf-8-sig")

    assert rows_of(path) == {"phone": ["34600000001"], "name": ["Íñigo"]}


def test_cells_of_a_parquet_file_keep_their_types(tmp_path: Path) -> None:
    columns = {
        "phone": ["0034600000001", None],
        "visits": [3, None],
        "since": [date(2026, 1, 2), None],
        "tags": [["a"], None],
    }
    path = write_parquet(tmp_path / "people.parquet", pa.table(columns))

    assert rows_of(path) == columns


def test_an_object_storage_path_reads_like_its_text(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "PEOPLE.CSV", "phone\n0034600000001\n")

    assert rows_of(ObjectStoragePath(path)) == rows_of(path) == {"phone": ["0034600000001"]}


def test_a_file_outside_the_local_disk_is_read() -> None:
    attach("memory", fs=UPath("memory://").fs)
    path = ObjectStoragePath("memory://exports/people.csv")
    path.write_text("phone\n0034600000001\n")

    assert rows_of("memory://exports/people.csv") == {"phone": ["0034600000001"]}


def test_a_parquet_file_of_small_row_groups_is_read_in_full_chunks(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"phone": list(range(2 * ROWS_PER_CHUNK))}), tmp_path / "small.parquet", row_group_size=1_000
    )

    chunks = list(chunks_of((tmp_path / "small.parquet").as_uri()))

    assert [len(chunk["phone"]) for chunk in chunks] == [ROWS_PER_CHUNK, ROWS_PER_CHUNK]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"phone,name\n34600000001,Ana,Cadiz\n", "row 1 of .* has 3 cells, and the header 2"),
        (b'phone\n"34600000001\n34600000002\n', "cannot be read as CSV: unexpected end of data. Check its quotes"),
        (b"phone\n34600000001,\xd1u\xf1ez\n", "is not text in UTF-8"),
        (b"phone,phone\n34600000001,34600000002\n", "two columns have the same name: "),
    ],
)
def test_a_malformed_csv_file_is_refused_without_quoting_its_cells(
    tmp_path: Path, content: bytes, message: str
) -> None:
    (tmp_path / "people.csv").write_bytes(content)

    with pytest.raises(RcsInputError, match=message) as raised:
        rows_of((tmp_path / "people.csv").as_uri())

    assert "346" not in str(raised.value)


def test_a_file_that_is_not_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "people.parquet").write_bytes(b"phone\n34600000001\n")

    with pytest.raises(RcsInputError, match="cannot be read as Parquet"):
        rows_of((tmp_path / "people.parquet").as_uri())


@pytest.mark.parametrize("content", ["", "phone,name\n"])
def test_a_csv_file_without_rows_has_no_chunks(tmp_path: Path, content: str) -> None:
    assert list(chunks_of(write_csv(tmp_path / "people.csv", content))) == []
