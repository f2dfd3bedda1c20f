"""Values of a template's variables, as one mapping for each recipient, or as one column for each variable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain, repeat
from typing import cast

VariableColumns = Mapping[str, Sequence[str | None]]
"""Variable -> its value for each recipient; ``None`` for those who are not to have it."""


def columns_of(rows: Sequence[Mapping[str, str]]) -> VariableColumns:
    """Return the columns of the variables that any of the rows has."""
    names = dict.fromkeys(chain.from_iterable(rows))
    return {name: [row.get(name) for row in rows] for name in names}


def rows_of(columns: VariableColumns, count: int) -> list[dict[str, str]]:
    """Return the variables of each of so many recipients."""
    rows: list[dict[str, str]] = list(map(dict, repeat((), count)))
    for variable, values in columns.items():
        for row, value in zip(rows, values, strict=True):
            if value is not None:
                row[variable] = value
    return rows


def all_of(values: Sequence[str | None]) -> Sequence[str] | None:
    """Return a column whose values everybody is to have; ``None`` if there is somebody who is not."""
    return None if None in values else cast("Sequence[str]", values)


def part_of(columns: VariableColumns, places: slice) -> VariableColumns:
    """Return the columns of some of the recipients."""
    return {variable: values[places] for variable, values in columns.items()}


def with_nothing_for_empty(texts: Sequence[str]) -> Sequence[str | None]:
    """Return a column of texts as values, of which an empty one is none."""
    return texts if all(texts) else [text or None for text in texts]
