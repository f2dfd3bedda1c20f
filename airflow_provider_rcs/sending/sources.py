"""Recipients that are in memory, as columns of some rows at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_rcs.api.errors import RcsInputError

if TYPE_CHECKING:
    import pandas as pd

    from airflow_provider_rcs.sending.listing import Chunk

ROWS_A_CHUNK = 5_000


def chunks_of(recipients: object) -> Iterator[Chunk]:
    """Return the chunks of a pandas DataFrame or of a list of dicts.

    :raises RcsInputError: if it is neither.
    """
    import pandas as pd

    if isinstance(recipients, pd.DataFrame):
        return _chunks_of_frame(recipients)
    if isinstance(recipients, Sequence) and not isinstance(recipients, str | bytes):
        if all(isinstance(row, Mapping) for row in recipients):
            return _chunks_of_rows(recipients)
        raise RcsInputError("recipients", "an entry of the list is not a dict", "Give one dict for each recipient.")
    raise RcsInputError(
        "recipients",
        f"a {type(recipients).__name__} is not a list of recipients",
        "Give a pandas DataFrame, a list of dicts, or the output of a task that returns either.",
    )


def _chunks_of_frame(frame: pd.DataFrame) -> Iterator[Chunk]:
    if not frame.columns.is_unique:
        raise RcsInputError("recipients", "two columns have the same name", "Rename one of them.")
    for start in range(0, len(frame), ROWS_A_CHUNK):
        part = frame.iloc[start : start + ROWS_A_CHUNK]
        yield {str(column): part[column].tolist() for column in part.columns}


def _chunks_of_rows(rows: Sequence[Mapping[str, Any]]) -> Iterator[Chunk]:
    columns = list(dict.fromkeys(_names(rows)))
    for start in range(0, len(rows), ROWS_A_CHUNK):
        part = rows[start : start + ROWS_A_CHUNK]
        yield {column: [row.get(column) for row in part] for column in columns}


def _names(rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for row in rows:
        yield from map(str, row)
