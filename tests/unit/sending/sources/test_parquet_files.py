"""Of a Parquet file only the columns that are used are read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.recipients.cells import read_text_column
from airflow_provider_rcs.sending.sources import chunks_of


def write(path: Path, **columns: object) -> str:
    pq.write_table(pa.table(columns), path, compression="none", use_dictionary=False, store_schema=True)
    return path.as_uri()


def test_a_damaged_column_that_is_not_used_does_not_matter(tmp_path: Path) -> None:
    path = tmp_path / "people.parquet"
    url = write(path, phone=["34600000001"] * 50, note=["MARKER"] * 50)
    content = bytearray(path.read_bytes())
    chunk = pq.ParquetFile(path).metadata.row_group(0).column(1)
    content[chunk.data_page_offset : chunk.data_page_offset + 20] = bytes(20)
    path.write_bytes(content)

    [rows] = chunks_of(url)

    assert rows["phone"] == ["34600000001"] * 50
    with pytest.raises((RcsInputError, OSError)) as refused:
        rows["note"]
    assert "MARKER" not in str(refused.value)


def test_floats_of_32_bits_and_dates_beyond_python_are_read_as_from_arrow(tmp_path: Path) -> None:
    url = write(
        tmp_path / "people.parquet",
        price=pa.array([19.9, None], pa.float32()),
        half=pa.array([np.float16(19.9), None], pa.float16()),
        since=pa.array([2**60, 0], pa.timestamp("us", "Europe/Madrid")),
    )

    [rows] = chunks_of(url)

    assert read_text_column(rows["price"])[0] == read_text_column(rows["half"])[0] == ["19.9", ""]
    assert read_text_column(rows["since"]) == (
        ["", "1970-01-01 01:00:00+01:00"],
        {0: "Python cannot represent its value"},
    )


def test_a_column_with_a_dot_in_its_name_is_read(tmp_path: Path) -> None:
    url = write(tmp_path / "people.parquet", **{"a.b": ["x"], "a": [{"b": "y"}]})

    [rows] = chunks_of(url)

    assert (rows["a.b"], rows["a"]) == (["x"], [{"b": "y"}])
