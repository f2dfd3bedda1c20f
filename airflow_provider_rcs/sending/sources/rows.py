"""Rows given as dicts, from a list or an iterator, read as columns of some rows at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.recipients.chunks import ROWS_PER_CHUNK

if TYPE_CHECKING:
    from airflow_provider_rcs.recipients.chunks import Chunk


def chunks_of_list(rows: Sequence[Any]) -> Iterator[Chunk]:
    """Return the chunks of a list of dicts; a key that is missing from a dict is an empty cell.

    :raises RcsInputError: if an entry is not a dict.
    """
    _require_dicts(rows)
    columns = _columns(rows)
    return (_chunk(rows[start : start + ROWS_PER_CHUNK], columns) for start in range(0, len(rows), ROWS_PER_CHUNK))


def chunks_of_iterator(rows: Iterator[Any]) -> Iterator[Chunk]:
    """Return the chunks of an iterator of dicts.

    :raises RcsInputError: while it is read, if an entry is not a dict, or has a key that the first chunk lacks.
    """
    columns: list[str] = []
    read = 0
    while part := list(islice(rows, ROWS_PER_CHUNK)):
        _require_dicts(part)
        columns = columns or _columns(part)
        if new := [column for column in _columns(part) if column not in columns]:
            raise RcsInputError(
                "recipients",
                f"the key {new[0]!r} is in none of the first {read} dicts, but in a later one",
                "Give every dict all keys, with None where it has no value.",
            )
        yield _chunk(part, columns)
        read += len(part)


def _require_dicts(rows: Iterable[Any]) -> None:
    if not all(isinstance(row, Mapping) for row in rows):
        raise RcsInputError("recipients", "an entry of the list is not a dict", "Give one dict for each recipient.")


def _columns(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(str(column) for row in rows for column in row))


def _chunk(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Chunk:
    return {column: [row.get(column) for row in rows] for column in columns}
