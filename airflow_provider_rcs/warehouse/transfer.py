"""Move pages of rows from the store into tables of the warehouse, by the fastest way of its engine."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from typing import Any, NamedTuple

import sqlalchemy as sa

from airflow_provider_rcs.warehouse import merging
from airflow_provider_rcs.warehouse.arrow_pages import arrow_page
from airflow_provider_rcs.warehouse.engines import bigquery, duckdb, executemany, postgresql, snowflake
from airflow_provider_rcs.warehouse.pages import Page, rows_of_texts, rows_of_values
from airflow_provider_rcs.warehouse.phones import PhoneForm


class _Way(NamedTuple):
    """How the rows of a page are read and written.

    :param read: yields the rows of a page of the store in some parts.
    :param write: writes the parts of a page in one transaction, and returns the number of rows.
    :param ahead: the number of parts that are read before they are written; the begin and the end of a page count as
        one, too.
    """

    read: Callable[[sa.Engine, Page, PhoneForm], Iterator[Any]]
    write: Callable[[sa.Engine, Page, Iterator[Any]], int]
    ahead: int


# A page of Arrow is one part; the others are bounded by what they take of memory.
_WAYS = {
    "postgresql": _Way(postgresql.read, postgresql.write, 100),
    "sqlite": _Way(rows_of_texts, executemany.write, 4),
    "duckdb": _Way(arrow_page, duckdb.write, 3),
    "mysql": _Way(rows_of_texts, executemany.write, 4),
    "mariadb": _Way(rows_of_texts, executemany.write, 4),
    "snowflake": _Way(arrow_page, snowflake.write, 3),
    "bigquery": _Way(arrow_page, bigquery.write, 3),
}
_BY_MERGING = _Way(rows_of_values, merging.write, 4)

_END = object()


def transfer(
    store: sa.Engine, warehouse: sa.Engine, pages: Iterable[Page], phones: PhoneForm
) -> Generator[tuple[Page, int]]:
    """Insert the rows of pages; a row whose key exists replaces the existing one unless that one is newer.

    While a page is written, the next one is read, in a thread.

    :param phones: the form of phones in the warehouse.
    :return: each page after it is committed, and the number of its rows.
    :raises RcsStoreError: if the store fails or refuses a page.
    :raises RcsWarehouseError: if the warehouse fails or refuses a statement.
    """
    way = _WAYS.get(warehouse.dialect.name, _BY_MERGING)
    with closing(_read_ahead(_in_parts(store, pages, phones, way), way.ahead)) as parts:
        for page in parts:
            yield page, way.write(warehouse, page, iter(partial(next, parts), _END))


def _in_parts(store: sa.Engine, pages: Iterable[Page], phones: PhoneForm, way: _Way) -> Generator[Any]:
    """Yield each page, its parts, and its end."""
    for page in pages:
        yield page
        yield from way.read(store, page, phones)
        yield _END


def _read_ahead(parts: Generator[Any], count: int) -> Generator[Any]:
    """Yield the parts, of which a thread reads some before they are asked for."""
    with closing(parts), ThreadPoolExecutor(1, "rcs-load") as reader:
        reads = deque(reader.submit(next, parts, None) for _ in range(count))
        try:
            while (part := reads.popleft().result()) is not None:
                reads.append(reader.submit(next, parts, None))
                yield part
        finally:
            reader.shutdown(cancel_futures=True)
