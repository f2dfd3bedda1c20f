"""Files in object storage, read as columns of some rows at a time: Parquet by its types, CSV as text."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.recipients.columns import ROWS_PER_CHUNK, require_distinct_columns

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    from airflow_provider_rcs.recipients.columns import Chunk

_REMEDY = "Rename one of them in the file."


def chunks_of_file(path: str | ObjectStoragePath) -> Iterator[Chunk]:
    """Return the chunks of a Parquet or CSV file.

    :param path: where it is, with its scheme and, in front of an ``@``, the connection to read it with.
    :raises RcsInputError: if it is neither, is not there, or, while it is read, if it cannot be understood.
    """
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    try:
        location = ObjectStoragePath(path)
        location.fs  # noqa: B018 - looks the file system up, which a path by itself does not
    except (ValueError, ImportError) as error:
        raise RcsInputError(
            "recipients", f"{path} cannot be opened ({error})", "Install the Airflow provider of its object storage."
        ) from error
    match location.suffix.lower():
        case ".parquet":
            chunks = _chunks_of_parquet(location)
        case ".csv":
            chunks = _chunks_of_csv(location)
        case other:
            raise RcsInputError(
                "recipients",
                f"{location} is neither a Parquet nor a CSV file (its name ends in {other!r})",
                "Give one whose name ends in .parquet or .csv.",
            )
    return _understood(location, chunks)


def _understood(path: ObjectStoragePath, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """Pass chunks on; what cannot be read is told without the cells that libraries put into their errors."""
    import pyarrow as pa

    try:
        yield from chunks
    except FileNotFoundError:
        raise RcsInputError("recipients", f"there is no file {path}", "Check the path.") from None
    except pa.ArrowInvalid:
        raise RcsInputError("recipients", f"{path} cannot be read as Parquet", "Write the file again.") from None
    except UnicodeDecodeError:
        raise RcsInputError("recipients", f"{path} is not text in UTF-8", "Save it as CSV in UTF-8.") from None
    except csv.Error as error:
        raise RcsInputError("recipients", f"{path} cannot be read as CSV: {error}", "Put its quotes right.") from None


def _chunks_of_parquet(path: ObjectStoragePath) -> Iterator[Chunk]:
    import pyarrow.parquet as pq

    with path.open("rb") as file, pq.ParquetFile(file) as parquet:
        require_distinct_columns("recipients", parquet.schema_arrow.names, _REMEDY)
        for batch in parquet.iter_batches(batch_size=ROWS_PER_CHUNK):
            if batch.num_rows:
                yield batch.to_pydict()


def _chunks_of_csv(path: ObjectStoragePath) -> Iterator[Chunk]:
    with path.open("r", encoding="utf-8-sig", newline="") as file:
        # Strict, so that a quote which is never closed is an error, and does not swallow the rows that follow it.
        reader = csv.reader(file, strict=True)
        header = next(reader, [])
        require_distinct_columns("recipients", header, _REMEDY)
        rows = _rows(path, reader, len(header))
        while part := list(islice(rows, ROWS_PER_CHUNK)):
            yield dict(zip(header, zip(*part, strict=True), strict=True))


def _rows(path: ObjectStoragePath, reader: Iterator[list[str]], width: int) -> Iterator[list[str]]:
    for number, row in enumerate(reader, start=1):
        if row and len(row) != width:
            raise RcsInputError(
                "recipients",
                f"row {number} of {path} has {len(row)} cells, and the header {width}",
                "Put cells that hold a comma into quotes.",
            )
        if row:
            yield row
