"""Files are streamed: the memory to read them does not depend on their length."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import repeat
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_rcs.sending.sources import chunks_of

ROWS = 600_000
ROWS_PER_GROUP = 20_000
MEGABYTE = 1024 * 1024


def cells(count: int) -> Iterator[str]:
    return (f"{number:0100d}" for number in range(count))


def write_csv(path: Path, rows: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write("phone\n")
        file.writelines(f"{cell}\n" for cell in cells(rows))


def write_parquet(path: Path, rows: int) -> None:
    table = pa.table({"phone": list(cells(ROWS_PER_GROUP))})
    with pq.ParquetWriter(path, table.schema) as writer:
        for part in repeat(table, rows // ROWS_PER_GROUP):
            writer.write_table(part)


def rows_and_memory(path: Path) -> tuple[int, int]:
    """Read a file, and return its number of rows and the largest growth of the process."""
    process = psutil.Process()
    before = process.memory_info().rss
    rows = grown = 0
    for chunk in chunks_of(path.as_uri()):
        rows += len(chunk["phone"])
        grown = max(grown, process.memory_info().rss - before)
    return rows, grown


@pytest.mark.parametrize(("name", "write"), [("people.csv", write_csv), ("people.parquet", write_parquet)])
def test_a_long_file_needs_little_more_memory_than_a_short_one(
    tmp_path: Path, name: str, write: Callable[[Path, int], None]
) -> None:
    path = tmp_path / name
    write(path, 5 * ROWS_PER_GROUP)
    rows_and_memory(path)
    write(path, ROWS)

    rows, grown = rows_and_memory(path)

    assert rows == ROWS
    assert grown < 30 * MEGABYTE, "the file's text alone is 60 MB"
