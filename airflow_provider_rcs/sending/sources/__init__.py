"""The sources of a list: tables in memory, rows or files, each read as columns of some rows at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.recipients.column_names import require_same_columns
from airflow_provider_rcs.sending.sources.files import chunks_of_files
from airflow_provider_rcs.sending.sources.frames import chunks_of_arrow, chunks_of_pandas, chunks_of_polars
from airflow_provider_rcs.sending.sources.paths import is_path
from airflow_provider_rcs.sending.sources.rows import chunks_of_iterator, chunks_of_list

if TYPE_CHECKING:
    from airflow_provider_rcs.recipients.chunks import Chunk

# By name: a library that did not make the recipients need not be imported, nor even be installed.
_FRAME_READERS: dict[tuple[str, str], Callable[[Any], Iterator[Chunk]]] = {
    ("pandas", "DataFrame"): chunks_of_pandas,
    ("polars", "DataFrame"): chunks_of_polars,
    ("pyarrow", "Table"): chunks_of_arrow,
    ("pyarrow", "RecordBatch"): chunks_of_arrow,
}
_OBJECT_STORAGE_PATH = ("airflow", "ObjectStoragePath")
_REMEDY = (
    "Give a pandas or polars DataFrame, an Arrow table, a list or an iterator of dicts or of such tables, the path of "
    "a Parquet or CSV file with its scheme (such as file:///data/people.csv), or the output of a task that returns one "
    "of them."
)
_REMEDY_FOR_TEXT = (
    "If a template has rendered the output of a task to text, pass the output itself (recipients=task.output), or set "
    "render_template_as_native_obj=True on the DAG."
)


def chunks_of(recipients: Any, read_options: Mapping[str, str] | None = None) -> Iterator[Chunk]:
    """Return the recipients as columns of some rows at a time.

    :param recipients: a pandas or polars DataFrame, an Arrow table, a list or an iterator of dicts or of such tables,
        or the path of Parquet or CSV files, with its scheme.
    :param read_options: how CSV files are written: ``separator`` and ``encoding``.
    :raises RcsInputError: if it is none of these, or if it cannot be read with these options.
    """
    if isinstance(recipients, str) and not is_path(recipients):
        # Never shown: it may be the list itself.
        raise RcsInputError("recipients", "a str is not a list of recipients", f"{_REMEDY} {_REMEDY_FOR_TEXT}")
    if isinstance(recipients, str) or _named_class(recipients, (_OBJECT_STORAGE_PATH,)):
        return chunks_of_files(recipients, read_options or {})
    if read_options:
        raise RcsInputError("read_options", "the recipients are not a CSV file", "Leave it out.")
    if read := _frame_reader(recipients):
        return read(recipients)
    if isinstance(recipients, Sequence) and not isinstance(recipients, bytes):
        are_frames = bool(recipients) and _frame_reader(recipients[0]) is not None
        return _chunks_of_frames(iter(recipients)) if are_frames else chunks_of_list(recipients)
    if isinstance(recipients, Iterator):
        return _chunks_of_either(recipients)
    raise RcsInputError("recipients", f"a {type(recipients).__name__} is not a list of recipients", _REMEDY)


def _chunks_of_either(parts: Iterator[Any]) -> Iterator[Chunk]:
    """Return the chunks of an iterator of dicts or of tables, which its first item shows."""
    first = list(islice(parts, 1))
    together = chain(first, parts)
    are_frames = bool(first) and _frame_reader(first[0]) is not None
    return _chunks_of_frames(together) if are_frames else chunks_of_iterator(together)


def _chunks_of_frames(frames: Iterator[Any]) -> Iterator[Chunk]:
    """Yield the chunks of tables, which all have the same columns."""
    columns: list[str] = []
    for number, frame in enumerate(frames, start=1):
        read = _frame_reader(frame)
        if read is None:
            raise RcsInputError(
                "recipients", f"item {number} is a {type(frame).__name__}, and the first one a table", _REMEDY
            )
        for chunk in read(frame):
            columns = columns or list(chunk)
            require_same_columns("recipients", f"table {number}", columns, chunk)
            yield chunk


def _frame_reader(value: object) -> Callable[[Any], Iterator[Chunk]] | None:
    found = _named_class(value, _FRAME_READERS)
    return _FRAME_READERS[found] if found else None


def _named_class(value: object, names: Any) -> tuple[str, str] | None:
    """Return the first of a value's classes, as library and name, that is among these."""
    bases = ((base.__module__.partition(".")[0], base.__name__) for base in type(value).__mro__)
    return next((base for base in bases if base in names), None)
