"""JSON of many rows that look alike, put together from columns of text: what all rows share is written once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import cast

import orjson

Pieces = Sequence[str | Sequence[str]]
"""The pieces of a row in their order: a text that is the same in each row, or a column of texts."""


def text_of_rows(pieces: Pieces, count: int) -> str:
    """Return the texts of so many rows, one after the other."""
    row = list(_without_neighbours(pieces))
    texts = [piece if isinstance(piece, str) else "" for piece in row] * count
    for place, piece in enumerate(row):
        if not isinstance(piece, str):
            texts[place :: len(row)] = piece
    return "".join(texts)


def between_quotes(cells: Sequence[str]) -> Sequence[str]:
    """Return texts as they stand between the quotes of JSON strings."""
    # Whatever has to be written in another way than it is, is written with a backslash.
    if b"\\" not in orjson.dumps(cells):
        return cells
    return [orjson.dumps(cell).decode()[1:-1] for cell in cells]


def _without_neighbours(pieces: Pieces) -> Iterator[str | Sequence[str]]:
    """Return the pieces with those put together that are the same in each row and stand side by side."""
    for is_text, group in groupby(pieces, lambda piece: isinstance(piece, str)):
        if is_text:
            yield "".join(cast("Iterator[str]", group))
        else:
            yield from group
