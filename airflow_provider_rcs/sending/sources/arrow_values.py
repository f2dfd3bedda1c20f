"""Columns of Arrow as Python values, cell by cell where Python cannot represent some of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_rcs.recipients.cells import UnreadableCell

if TYPE_CHECKING:
    import pyarrow as pa


def python_values(column: pa.Array | pa.ChunkedArray) -> list[Any]:
    """Return the cells of a column; those of floats of 32 and 16 bits as numpy's, which know their size.

    A value without a Python counterpart, such as a date after the year 9999, is an :class:`UnreadableCell`.
    """
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_float32(kind) or pa.types.is_float16(kind):
        return list(column.to_numpy(zero_copy_only=False))
    try:
        return list(column.to_pylist())
    except (ArithmeticError, ValueError):
        return [_python_value(cell) for cell in column]


def _python_value(cell: pa.Scalar) -> Any:
    try:
        return cell.as_py()
    except (ArithmeticError, ValueError):
        return UnreadableCell()
