"""Tables of pandas, polars and Arrow, read as columns of Python values, some rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from airflow_provider_rcs.recipients.chunks import ROWS_PER_CHUNK
from airflow_provider_rcs.recipients.column_names import require_distinct_columns

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from airflow_provider_rcs.recipients.chunks import Chunk

_REMEDY = "Rename one of them."


def chunks_of_pandas(frame: pd.DataFrame) -> Iterator[Chunk]:
    """Return the chunks of a pandas DataFrame, whose columns may be numpy's, pandas' own or Arrow's.

    :raises RcsInputError: if two columns have the same name.
    """
    names = [str(column) for column in frame.columns]
    require_distinct_columns("recipients", names, _REMEDY)
    columns = [frame.iloc[:, position] for position in range(len(names))]
    for start in range(0, len(frame), ROWS_PER_CHUNK):
        parts = [column.iloc[start : start + ROWS_PER_CHUNK] for column in columns]
        yield dict(zip(names, map(_python_values, parts), strict=True))


def chunks_of_polars(frame: pl.DataFrame) -> Iterator[Chunk]:
    """Return the chunks of a polars DataFrame."""
    for part in frame.iter_slices(ROWS_PER_CHUNK):
        yield {column.name: column.to_list() for column in part.iter_columns()}


def chunks_of_arrow(table: pa.Table) -> Iterator[Chunk]:
    """Return the chunks of an Arrow table.

    :raises RcsInputError: if two columns have the same name.
    """
    require_distinct_columns("recipients", table.column_names, _REMEDY)
    for start in range(0, table.num_rows, ROWS_PER_CHUNK):
        yield table.slice(start, ROWS_PER_CHUNK).to_pydict()


def _python_values(column: pd.Series) -> list[object]:
    import numpy as np
    import pandas as pd

    cells = column.tolist()
    may_be_nested = column.dtype.kind == "O" and not isinstance(column.dtype, pd.StringDtype)
    # A nested cell that was read from a file through numpy is an array, and comparing arrays returns no truth value.
    if may_be_nested and np.ndarray in set(map(type, cells)):
        cells = [cell.tolist() if isinstance(cell, np.ndarray) else cell for cell in cells]
    missing = column.array.isna()
    if missing.any():
        cells = [None if is_missing else cell for cell, is_missing in zip(cells, missing.tolist(), strict=True)]
    return cells
