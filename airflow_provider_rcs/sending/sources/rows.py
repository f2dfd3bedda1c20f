"""Rows given as dicts, from a list or an iterator, read as columns of some rows at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.recipients.chunks import ROWS_PER_CHUNK, Chunk, LazyChunk
from airflow_provider_rcs.recipients.column_names import list_columns, require_distinct_columns


def chunks_of_list(rows: Sequence[Any]) -> Iterator[Chunk]:
    """Return the chunks of a list of dicts; a key that is missing from a dict is an empty cell.

    :raises RcsInputError: if an entry is not a dict.
    """
    _require_dicts(rows)
    keys = _keys(rows)
    return (_chunk(rows[start : start + ROWS_PER_CHUNK], keys) for start in range(0, len(rows), ROWS_PER_CHUNK))


def chunks_of_iterator(rows: Iterator[Any]) -> Iterator[Chunk]:
    """Return the chunks of an iterator of dicts.

    :raises RcsInputError: while it is read, if an entry is not a dict, or has a key that the first chunk lacks.
    """
    keys: list[Any] = []
    read = 0
    while part := list(islice(rows, ROWS_PER_CHUNK)):
        _require_dicts(part)
        found = _keys(part)
        keys = keys or found
        if new := [key for key in found if key not in keys]:
            raise RcsInputError(
                "recipients",
                f"the key {list_columns(map(str, new[:1]))} is in none of the first {read} dicts, but in a later one",
                "Give every dict all keys, with None where it has no value.",
            )
        yield _chunk(part, keys)
        read += len(part)


def _require_dicts(rows: Iterable[Any]) -> None:
    if not all(isinstance(row, Mapping) for row in rows):
        raise RcsInputError("recipients", "an entry of the list is not a dict", "Give one dict for each recipient.")


def _keys(rows: Iterable[Mapping[Any, Any]]) -> list[Any]:
    """Return all keys of the rows, in the order in which they occur."""
    keys: dict[Any, None] = {}
    for row in rows:
        if not row.keys() <= keys.keys():  # true of nearly all rows, and quicker than adding their keys again
            keys.update(dict.fromkeys(row))
    require_distinct_columns("recipients", list(map(str, keys)), "Rename one of the keys.")
    return list(keys)


def _chunk(rows: Sequence[Mapping[Any, Any]], keys: Sequence[Any]) -> Chunk:
    return LazyChunk(list(map(str, keys)), partial(_cells, rows, keys))


def _cells(rows: Sequence[Mapping[Any, Any]], keys: Sequence[Any], position: int) -> list[Any]:
    key = keys[position]
    return [row.get(key) for row in rows]
