"""Rows stored as columns, written as JSON without an object for each row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, groupby, repeat
from typing import cast

import orjson

VariableColumns = Mapping[str, Sequence[str | None]]
"""Variable -> its value for each recipient, ``None`` for recipients without it."""


def columns_of(rows: Sequence[Mapping[str, str]]) -> VariableColumns:
    """Return a column for each variable that occurs in any of the rows."""
    names = dict.fromkeys(chain.from_iterable(rows))
    return {name: [row.get(name) for row in rows] for name in names}


def rows_of(columns: VariableColumns, count: int) -> list[dict[str, str]]:
    """Return the variables of each of ``count`` recipients."""
    rows: list[dict[str, str]] = list(map(dict, repeat((), count)))
    for variable, values in columns.items():
        for row, value in zip(rows, values, strict=True):
            if value is not None:
                row[variable] = value
    return rows


def all_of(values: Sequence[str | None]) -> Sequence[str] | None:
    """Return a column in which every recipient has a value, or ``None`` if one has none."""
    return None if None in values else cast("Sequence[str]", values)


def part_of(columns: VariableColumns, places: slice) -> VariableColumns:
    """Return the columns, cut to some of the recipients."""
    return {variable: values[places] for variable, values in columns.items()}


def empty_as_none(texts: Sequence[str]) -> Sequence[str | None]:
    """Return a column of texts with ``None`` in place of empty ones."""
    return texts if all(texts) else [text or None for text in texts]


Pieces = Sequence[str | Sequence[str]]
"""The pieces of a row, in order: a text that is the same in every row, or a column of texts."""


def array_of_rows(pieces: Pieces, count: int) -> str:
    """Return an array of ``count`` rows as JSON."""
    if not count:
        return "[]"
    row = list(_join_fixed_pieces([*pieces, ","]))
    texts = [piece if isinstance(piece, str) else "" for piece in row] * count
    for place, piece in enumerate(row):
        if not isinstance(piece, str):
            texts[place :: len(row)] = piece
    texts[0] = f"[{texts[0]}"
    texts[-1] = f"{texts[-1].removesuffix(',')}]"
    return "".join(texts)


def as_json(value: object) -> str:
    """Return one value as JSON."""
    return orjson.dumps(value).decode()


def between_quotes(cells: Sequence[str]) -> Sequence[str]:
    """Return texts escaped as they are between the quotes of JSON strings."""
    # Every escape in JSON begins with a backslash, so a column without one needs none.
    if b"\\" not in orjson.dumps(cells):
        return cells
    return [as_json(cell)[1:-1] for cell in cells]


def pieces_of_texts(cells: Sequence[str | None]) -> Pieces:
    """Return the pieces that write a column of texts, with ``None`` as null."""
    texts = all_of(cells)
    if texts is not None:
        return ['"', between_quotes(texts), '"']
    texts = between_quotes([cell or "" for cell in cells])
    return [["null" if cell is None else f'"{text}"' for cell, text in zip(cells, texts, strict=True)]]


def pieces_of_variables(variables: VariableColumns, count: int) -> Pieces:
    """Return the pieces that write the variables of each of ``count`` rows as an object."""
    pieces: list[str | Sequence[str]] = []
    for variable, values in variables.items():
        texts = all_of(values)
        if texts is None:
            return [list(map(as_json, rows_of(variables, count)))]
        pieces += ["," if pieces else "{", f'{as_json(variable)}:"', between_quotes(texts), '"']
    return [*pieces, "}"] if pieces else ["{}"]


def _join_fixed_pieces(pieces: Pieces) -> Iterator[str | Sequence[str]]:
    """Return the pieces with neighbouring fixed texts joined into one."""
    for is_text, group in groupby(pieces, lambda piece: isinstance(piece, str)):
        if is_text:
            yield "".join(cast("Iterator[str]", group))
        else:
            yield from group
