"""Files of recipients in object storage, read as one list of columns, some rows at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.recipients.column_names import require_same_columns
from airflow_provider_rcs.sending.sources.csv_files import chunks_of_csv, read_csv_options
from airflow_provider_rcs.sending.sources.parquet_files import chunks_of_parquet
from airflow_provider_rcs.sending.sources.paths import find_files

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    from airflow_provider_rcs.recipients.chunks import Chunk


def chunks_of_files(path: str | ObjectStoragePath, read_options: Mapping[str, str]) -> Iterator[Chunk]:
    """Yield the chunks of a file, of all files in a folder, or of all files that match a pattern.

    :param path: its URL, which may name the Airflow connection to read it with: ``s3://connection@bucket/key``.
    :param read_options: how CSV files are written: ``separator`` and ``encoding``.
    :raises RcsInputError: if there is no such file, if one cannot be read, or if they have different columns.
    """
    options = read_csv_options(read_options)
    files = find_files(path)
    if read_options and any(file.kind == "parquet" for file in files):
        raise RcsInputError("read_options", f"{path} is not a CSV file", "Leave it out.")
    columns: list[str] = []
    for file in files:
        for chunk in chunks_of_csv(file, options) if file.kind == "csv" else chunks_of_parquet(file.path):
            columns = columns or list(chunk)
            require_same_columns("recipients", str(file.path), columns, chunk)
            yield chunk
