"""Parquet files, of which only the columns that are asked for are read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.recipients.chunks import ROWS_PER_CHUNK, Chunk, LazyChunk
from airflow_provider_rcs.recipients.column_names import require_distinct_columns
from airflow_provider_rcs.sending.sources.arrow_values import python_values

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from airflow.providers.common.compat.sdk import ObjectStoragePath


def chunks_of_parquet(path: ObjectStoragePath) -> Iterator[Chunk]:
    """Yield the chunks of a Parquet file, with the types of its columns.

    :raises RcsInputError: if it cannot be read as Parquet, also while a column of a chunk is read; never quotes a cell.
    """
    import pyarrow.parquet as pq

    with _plain_errors(path):
        # Open as long as one of the chunks exists: a column is read when it is asked for.
        parquet = pq.ParquetFile(path.open("rb"))
        columns = parquet.schema_arrow.names
        rows = parquet.metadata.num_rows
    require_distinct_columns("recipients", columns, "Rename one of them in the file.")
    readers = [_ColumnReader(path, parquet, column) for column in columns]
    for start in range(0, rows, ROWS_PER_CHUNK):
        yield LazyChunk(columns, partial(_cells, readers, start))


def _cells(readers: list[_ColumnReader], start: int, position: int) -> list[Any]:
    return readers[position].read(start)


class _ColumnReader:
    """Reads one column of a file, some rows at a time.

    :param path: the file, for errors.
    """

    def __init__(self, path: ObjectStoragePath, parquet: pq.ParquetFile, column: str) -> None:
        self._path = path
        self._parquet = parquet
        self._column = column
        self._batches: Iterator[pa.RecordBatch] | None = None
        self._pending: list[pa.Array] = []
        self._next = 0

    def read(self, start: int) -> list[Any]:
        """Return the cells of the chunk that begins at a row, which is quick for the row after the last one read."""
        import pyarrow as pa

        end = start + ROWS_PER_CHUNK
        with _plain_errors(self._path):
            if self._batches is None or start < self._next:
                self._batches = self._parquet.iter_batches(ROWS_PER_CHUNK, columns=[self._column])
                self._pending, self._next = [], 0
            # A batch may be shorter than asked for, and the columns of a row must stay together.
            while self._next + sum(map(len, self._pending)) < end:
                batch = next(self._batches, None)
                if batch is None:
                    break
                self._pending.append(batch.column(batch.schema.names.index(self._column)))
            read = pa.chunked_array(self._pending)
            cells = python_values(read.slice(start - self._next, ROWS_PER_CHUNK))
            self._pending, self._next = read.slice(end - self._next).chunks, end
        return cells


@contextmanager
def _plain_errors(path: ObjectStoragePath) -> Iterator[None]:
    """Replace the errors of Arrow, which may quote cells, by the provider's own."""
    import pyarrow as pa

    try:
        yield
    except pa.ArrowException:
        raise RcsInputError("recipients", f"{path} cannot be read as Parquet", "Write the file again.") from None
