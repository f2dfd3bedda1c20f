"""JSON of many rows that look alike, put together from columns of text: what all rows share is written once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import cast

import orjson

from airflow_provider_rcs.api.variables import VariableColumns, all_of, rows_of

Pieces = Sequence[str | Sequence[str]]
"""The pieces of a row in their order: a text that is the same in each row, or a column of texts."""


def array_of_rows(pieces: Pieces, count: int) -> str:
    """Return an array of so many rows as JSON."""
    if not count:
        return "[]"
    row = list(_without_neighbours([*pieces, ","]))
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
    """Return texts as they stand between the quotes of JSON strings."""
    # Whatever has to be written in another way than it is, is written with a backslash.
    if b"\\" not in orjson.dumps(cells):
        return cells
    return [as_json(cell)[1:-1] for cell in cells]


def pieces_of_texts(cells: Sequence[str | None]) -> Pieces:
    """Return the pieces that write a column of texts; ``None`` is written as null."""
    texts = all_of(cells)
    if texts is not None:
        return ['"', between_quotes(texts), '"']
    texts = between_quotes([cell or "" for cell in cells])
    return [["null" if cell is None else f'"{text}"' for cell, text in zip(cells, texts, strict=True)]]


def pieces_of_variables(variables: VariableColumns, count: int) -> Pieces:
    """Return the pieces that write the variables of each of so many rows as an object."""
    pieces: list[str | Sequence[str]] = []
    for variable, values in variables.items():
        texts = all_of(values)
        if texts is None:
            return [list(map(as_json, rows_of(variables, count)))]
        pieces += ["," if pieces else "{", f'{as_json(variable)}:"', between_quotes(texts), '"']
    return [*pieces, "}"] if pieces else ["{}"]


def _without_neighbours(pieces: Pieces) -> Iterator[str | Sequence[str]]:
    """Return the pieces with those put together that are the same in each row and stand side by side."""
    for is_text, group in groupby(pieces, lambda piece: isinstance(piece, str)):
        if is_text:
            yield "".join(cast("Iterator[str]", group))
        else:
            yield from group
