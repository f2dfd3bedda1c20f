"""Rows as dicts, in a list or one after the other, as columns of some rows at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.recipients.columns import ROWS_PER_CHUNK

if TYPE_CHECKING:
    from airflow_provider_rcs.recipients.columns import Chunk


def chunks_of_list(rows: Sequence[Any]) -> Iterator[Chunk]:
    """Return the chunks of a list of dicts; a key that a dict lacks is a cell that holds nothing.

    :raises RcsInputError: if an entry is not a dict.
    """
    _require_dicts(rows)
    columns = _columns(rows)
    return (_chunk(rows[start : start + ROWS_PER_CHUNK], columns) for start in range(0, len(rows), ROWS_PER_CHUNK))


def chunks_of_iterator(rows: Iterator[Any]) -> Iterator[Chunk]:
    """Return the chunks of dicts that are made one after the other.

    :raises RcsInputError: while it is read: if an entry is not a dict, or has a key that none of the first chunk has.
    """
    columns: list[str] = []
    before = 0
    while part := list(islice(rows, ROWS_PER_CHUNK)):
        _require_dicts(part)
        columns = columns or _columns(part)
        if late := [column for column in _columns(part) if column not in columns]:
            raise RcsInputError(
                "recipients",
                f"the key {late[0]!r} is in none of the first {before} dicts, but in a later one",
                "Give every dict all keys, with None where there is no value.",
            )
        yield _chunk(part, columns)
        before += len(part)


def _require_dicts(rows: Iterable[Any]) -> None:
    if not all(isinstance(row, Mapping) for row in rows):
        raise RcsInputError("recipients", "an entry of the list is not a dict", "Give one dict for each recipient.")


def _columns(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(str(column) for row in rows for column in row))


def _chunk(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> Chunk:
    return {column: [row.get(column) for row in rows] for column in columns}
