"""The raw bodies in the rows of a query."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.landing.moments import read_received_at
from airflow_provider_rcs.landing.raw_bodies import RawBody, as_json, raw_bodies
from airflow_provider_rcs.recipients.chunks import Chunk
from airflow_provider_rcs.recipients.column_names import find_column, list_columns

_BODY, _CONTENT_TYPE, _RECEIVED_AT = "body", "content_type", "received_at"
_KINDS = (str, bytes, bytearray, memoryview, Mapping, list)
_REMEDY = "Select a column body, and if you have them content_type and received_at."


def require_body(columns: Sequence[str]) -> None:
    """Check that a query has a column of bodies.

    :raises RcsInputError: if it has none, or if two columns have one of the names in different case.
    """
    for optional in (_CONTENT_TYPE, _RECEIVED_AT):
        find_column("sql", optional, columns)
    if find_column("sql", _BODY, columns) is None:
        raise RcsInputError("sql", f"there is no column 'body'; the columns are {list_columns(columns)}", _REMEDY)


def bodies_of_rows(chunks: Iterable[Chunk], content_type: str = "") -> Iterator[RawBody]:
    """Yield the raw bodies in the rows of a query; a row whose body is null has none.

    :param chunks: the rows, with columns ``body``, ``content_type`` and ``received_at``, in any case; only the first
        is needed.
    :param content_type: the content type of rows that have none.
    """
    for chunk in chunks:
        bodies = _cells(chunk, _BODY)
        content_types = _cells(chunk, _CONTENT_TYPE) or [None] * len(bodies)
        moments = _cells(chunk, _RECEIVED_AT) or [None] * len(bodies)
        for body, own_type, moment in zip(bodies, content_types, moments, strict=True):
            written = own_type if isinstance(own_type, str) and own_type else content_type
            # A number or a date is no body, but is not lost.
            content = body if body is None or isinstance(body, _KINDS) else as_json(body)
            yield from raw_bodies(content, written, read_received_at(moment))


def _cells(chunk: Chunk, name: str) -> Sequence[object]:
    column = find_column("sql", name, list(chunk))
    return () if column is None else chunk[column]
