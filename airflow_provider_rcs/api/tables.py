"""Tables as text, with aligned columns, for a terminal or a notebook."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table whose rows are dicts, which programs read as they are.

    :param key: the key of its value in a row.
    :param heading: what people read above it.
    :param text: returns its cell of a row, for people; by default the value, and a moment to the minute.
    """

    key: str
    heading: str
    text: Callable[[Row], object] | None = None

    def cell(self, row: Row) -> object:
        """Return what people read in a row."""
        value = row[self.key] if self.text is None else self.text(row)
        return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else "-" if value in (None, "") else value


def table(columns: Sequence[Column], rows: Sequence[Row]) -> str:
    """Return rows that are dicts as text for people."""
    return "\n".join(table_lines(columns, rows, rows_at_once=len(rows)))


def table_lines(columns: Sequence[Column], rows: Iterable[Row], *, rows_at_once: int = 1_000) -> Iterator[str]:
    """Yield the lines of rows that are dicts, for people; a long list is not kept in memory.

    :param rows_at_once: as in :func:`aligned_lines`.
    """
    cells = ([column.cell(row) for column in columns] for row in rows)
    return aligned_lines([column.heading for column in columns], cells, rows_at_once=rows_at_once)


def aligned(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return the rows below their headings as text, with numbers aligned to the right."""
    return "\n".join(aligned_lines(headings, rows, rows_at_once=len(rows)))


def aligned_lines(
    headings: Sequence[str], rows: Iterable[Sequence[object]], *, rows_at_once: int = 1_000, is_ruled: bool = True
) -> Iterator[str]:
    """Yield the lines of a table; a long list is not kept in memory.

    :param rows_at_once: how many rows are read before their lines are yielded; a column widens for those after them.
    :param is_ruled: whether a line is below the headings, and numbers have thousands separators.
    """
    remaining = iter(rows)
    chunk = list(islice(remaining, rows_at_once))
    numbers = [bool(chunk) and all(isinstance(row[column], int) for row in chunk) for column in range(len(headings))]
    widths = [0] * len(headings)
    above = [list(headings)]
    while chunk or above:
        texts = [[(with_separators if is_ruled else str)(cell) for cell in row] for row in chunk]
        widths = [max(width, *(len(line[column]) for line in [*above, *texts])) for column, width in enumerate(widths)]
        if above and is_ruled:
            above.append(["-" * width for width in widths])
        for line in [*above, *texts]:
            cells = zip(line, widths, numbers, strict=True)
            yield "  ".join(cell.rjust(width) if right else cell.ljust(width) for cell, width, right in cells).rstrip()
        above = []
        chunk = list(islice(remaining, rows_at_once))


def with_separators(cell: object) -> str:
    """Return a cell as people read it: a number has thousands separators."""
    return f"{cell:,}" if isinstance(cell, int) else str(cell)
