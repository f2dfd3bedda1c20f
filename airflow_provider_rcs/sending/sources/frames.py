"""Tables of pandas, polars and Arrow, read as columns of Python values, some rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_rcs.recipients.cells import UnreadableCell
from airflow_provider_rcs.recipients.chunks import ROWS_PER_CHUNK, Chunk, LazyChunk
from airflow_provider_rcs.recipients.column_names import require_distinct_columns
from airflow_provider_rcs.sending.sources.arrow_values import python_values

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

_REMEDY = "Rename one of them."
_INT64 = 2**63
_INDEX_HINT = "The index of a DataFrame is not read: if the column is there, give frame.reset_index()."


def chunks_of_pandas(frame: pd.DataFrame) -> Iterator[Chunk]:
    """Return the chunks of a pandas DataFrame, whose columns may be numpy's, pandas' own or Arrow's.

    :raises RcsInputError: if two columns have the same name.
    """
    import pandas as pd

    names = [str(column) for column in frame.columns]
    require_distinct_columns("recipients", names, _REMEDY)
    hint = "" if isinstance(frame.index, pd.RangeIndex) and frame.index.name is None else _INDEX_HINT

    def read(start: int, position: int) -> list[Any]:
        return _values_of_pandas(frame.iloc[start : start + ROWS_PER_CHUNK, position])

    for start in range(0, len(frame), ROWS_PER_CHUNK):
        yield LazyChunk(names, partial(read, start), hint)


def chunks_of_polars(frame: pl.DataFrame) -> Iterator[Chunk]:
    """Return the chunks of a polars DataFrame."""

    def read(part: pl.DataFrame, position: int) -> list[Any]:
        return _values_of_polars(part.to_series(position))

    for part in frame.iter_slices(ROWS_PER_CHUNK):
        yield LazyChunk(frame.columns, partial(read, part))


def chunks_of_arrow(table: pa.Table | pa.RecordBatch) -> Iterator[Chunk]:
    """Return the chunks of an Arrow table or record batch.

    :raises RcsInputError: if two columns have the same name.
    """
    names = table.schema.names
    require_distinct_columns("recipients", names, _REMEDY)

    def read(start: int, position: int) -> list[Any]:
        return python_values(table.column(position).slice(start, ROWS_PER_CHUNK))

    for start in range(0, table.num_rows, ROWS_PER_CHUNK):
        yield LazyChunk(names, partial(read, start))


def _values_of_pandas(column: pd.Series) -> list[Any]:
    import numpy as np
    import pandas as pd

    if isinstance(column.dtype, pd.ArrowDtype):
        return python_values(column.array.__arrow_array__())
    if isinstance(column.dtype, pd.CategoricalDtype):
        # Not astype(): most types of categories have no value for the missing ones, whose code is -1.
        used = column.cat.remove_unused_categories().cat
        values = [*_values_of_pandas(used.categories.to_series()), None]
        return [values[code] for code in used.codes.tolist()]
    if column.dtype.kind == "f" and column.dtype.name.lower() in ("float32", "float16"):
        return list(column.to_numpy(dtype=column.dtype.name.lower(), na_value=np.nan))
    cells = _cells_of_pandas(column)
    may_be_nested = column.dtype.kind == "O" and not isinstance(column.dtype, pd.StringDtype)
    # A nested cell that was read from a file through numpy is an array, and comparing arrays returns no truth value.
    if may_be_nested and np.ndarray in set(map(type, cells)):
        cells = [cell.tolist() if isinstance(cell, np.ndarray) else cell for cell in cells]
    missing = column.array.isna()
    if missing.any():
        cells = [None if is_missing else cell for cell, is_missing in zip(cells, missing.tolist(), strict=True)]
    return cells


def _cells_of_pandas(column: pd.Series) -> list[Any]:
    try:
        return list(column.tolist())
    except (ArithmeticError, ValueError):
        return [_cell_of_pandas(column, position) for position in range(len(column))]


def _cell_of_pandas(column: pd.Series, position: int) -> Any:
    try:
        return column.iloc[position]
    except (ArithmeticError, ValueError):
        return UnreadableCell()


def _values_of_polars(column: pl.Series) -> list[Any]:
    import polars as pl

    if column.dtype == pl.Float32 or column.dtype == getattr(pl, "Float16", None):
        return list(column.to_numpy())
    if not column.dtype.is_temporal() or column.dtype == pl.Time:
        return column.to_list()
    # Checked before they are converted: polars aborts the conversion of some values, and prints a stack trace.
    lowest, highest = _physical_range(column.dtype)
    numbers = column.to_physical().cast(pl.Int64)
    representable = numbers.is_between(max(lowest, -_INT64), min(highest, _INT64 - 1)).fill_null(value=True).to_list()
    if not all(representable):
        column = pl.select(pl.when(pl.Series(representable)).then(column)).to_series()
    cells = _cells_of_polars(column)
    return [cell if may_be else UnreadableCell() for cell, may_be in zip(cells, representable, strict=True)]


def _cells_of_polars(column: pl.Series) -> list[Any]:
    try:
        return column.to_list()
    except (ArithmeticError, ValueError):
        return [_cell_of_polars(column, position) for position in range(len(column))]


def _cell_of_polars(column: pl.Series, position: int) -> Any:
    try:
        return column[position]
    except (ArithmeticError, ValueError):  # near the range's end, where a time zone moves it over
        return UnreadableCell()


def _physical_range(dtype: Any) -> tuple[int, int]:
    """Return the lowest and the highest number that polars stores for the values of a temporal type of Python."""
    import polars as pl

    if dtype == pl.Date:
        return (date.min - date(1970, 1, 1)).days, (date.max - date(1970, 1, 1)).days
    unit = timedelta(microseconds=1) if dtype.time_unit != "ms" else timedelta(milliseconds=1)
    per_unit = 1_000 if dtype.time_unit == "ns" else 1
    if dtype == pl.Duration:
        return (timedelta.min // unit + 1) * per_unit, (timedelta.max // unit) * per_unit
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    lowest, highest = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    if dtype.time_zone:
        # In its zone, a moment of the first or last day may be beyond the range.
        lowest, highest = lowest + timedelta(days=1), highest - timedelta(days=1)
    return (lowest - epoch) // unit * per_unit, (highest - epoch) // unit * per_unit
