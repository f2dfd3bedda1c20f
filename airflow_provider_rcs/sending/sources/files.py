"""Parquet and CSV files in object storage, read as columns of some rows at a time."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.recipients.chunks import ROWS_PER_CHUNK
from airflow_provider_rcs.recipients.column_names import require_distinct_columns

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    from airflow_provider_rcs.recipients.chunks import Chunk

_REMEDY = "Rename one of them in the file."


def chunks_of_file(path: str | ObjectStoragePath) -> Iterator[Chunk]:
    """Return the chunks of a Parquet file, with the types of its columns, or of a CSV file, as text.

    :param path: the file's URL, which may name the Airflow connection to read it with: ``s3://connection@bucket/key``.
    :raises RcsInputError: if it is neither; while it is read, also if it does not exist or cannot be parsed.
    """
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    try:
        location = ObjectStoragePath(path)
        location.fs  # noqa: B018 - looks up the file system, which constructing a path does not
    except (ValueError, ImportError) as error:
        raise RcsInputError(
            "recipients", f"{path} cannot be opened ({error})", "Install the Airflow provider of its object storage."
        ) from error
    match location.suffix.lower():
        case ".parquet":
            chunks = _read_parquet(location)
        case ".csv":
            chunks = _read_csv(location)
        case other:
            raise RcsInputError(
                "recipients",
                f"{location} is neither a Parquet nor a CSV file (its name ends in {other!r})",
                "Give a file whose name ends in .parquet or .csv.",
            )
    return _with_plain_errors(location, chunks)


def _with_plain_errors(path: ObjectStoragePath, chunks: Iterator[Chunk]) -> Iterator[Chunk]:
    """Yield the chunks; errors of the libraries, which may quote cells, are replaced by the provider's own."""
    import pyarrow as pa

    try:
        yield from chunks
    except FileNotFoundError:
        raise RcsInputError("recipients", f"the file {path} does not exist", "Check the path.") from None
    except pa.ArrowInvalid:
        raise RcsInputError("recipients", f"{path} cannot be read as Parquet", "Write the file again.") from None
    except UnicodeDecodeError:
        raise RcsInputError("recipients", f"{path} is not text in UTF-8", "Save it as CSV in UTF-8.") from None
    except csv.Error as error:
        raise RcsInputError("recipients", f"{path} cannot be read as CSV: {error}", "Check its quotes.") from None


def _read_parquet(path: ObjectStoragePath) -> Iterator[Chunk]:
    import pyarrow.parquet as pq

    with path.open("rb") as file, pq.ParquetFile(file) as parquet:
        require_distinct_columns("recipients", parquet.schema_arrow.names, _REMEDY)
        for batch in parquet.iter_batches(batch_size=ROWS_PER_CHUNK):
            if batch.num_rows:
                yield batch.to_pydict()


def _read_csv(path: ObjectStoragePath) -> Iterator[Chunk]:
    with path.open("r", encoding="utf-8-sig", newline="") as file:
        # Strict, so that a quote which is never closed is an error, and does not swallow the rows after it.
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
                "Put cells that contain a comma in quotes.",
            )
        if row:
            yield row
