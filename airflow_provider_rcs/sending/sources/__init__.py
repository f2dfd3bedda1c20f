"""The sources of a list: tables in memory, rows or files, each read as columns of some rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.sending.sources.files import chunks_of_file
from airflow_provider_rcs.sending.sources.frames import chunks_of_arrow, chunks_of_pandas, chunks_of_polars
from airflow_provider_rcs.sending.sources.rows import chunks_of_iterator, chunks_of_list

if TYPE_CHECKING:
    from airflow_provider_rcs.recipients.chunks import Chunk

# By name: a library that did not make the recipients need not be imported, nor even be installed.
_READERS: dict[tuple[str, str], Callable[[Any], Iterator[Chunk]]] = {
    ("pandas", "DataFrame"): chunks_of_pandas,
    ("polars", "DataFrame"): chunks_of_polars,
    ("pyarrow", "Table"): chunks_of_arrow,
    ("airflow", "ObjectStoragePath"): chunks_of_file,
}


def chunks_of(recipients: object) -> Iterator[Chunk]:
    """Return the recipients as columns of some rows at a time.

    :param recipients: a pandas or polars DataFrame, an Arrow table, a list or an iterator of dicts, or the path of a
        Parquet or CSV file, with its scheme.
    :raises RcsInputError: if it is none of these.
    """
    for base in type(recipients).__mro__:
        if reader := _READERS.get((base.__module__.partition(".")[0], base.__name__)):
            return reader(recipients)
    if isinstance(recipients, str) and "://" in recipients:
        return chunks_of_file(recipients)
    if isinstance(recipients, Sequence) and not isinstance(recipients, str | bytes):
        return chunks_of_list(recipients)
    if isinstance(recipients, Iterator):
        return chunks_of_iterator(recipients)
    raise RcsInputError(
        "recipients",
        f"a {type(recipients).__name__} is not a list of recipients",
        "Give a pandas or polars DataFrame, an Arrow table, a list or an iterator of dicts, the path of a Parquet or "
        "CSV file with its scheme (such as file:///data/people.csv), or the output of a task that returns one of them.",
    )
