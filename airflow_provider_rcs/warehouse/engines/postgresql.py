"""PostgreSQL: each page is copied into a temporary table, and upserted from there by one statement."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.store.db.engine import reading
from airflow_provider_rcs.warehouse.copying import DRIVERS, copied_out, copy_in
from airflow_provider_rcs.warehouse.pages import Page, cells
from airflow_provider_rcs.warehouse.phones import PhoneForm
from airflow_provider_rcs.warehouse.tables import Json
from airflow_provider_rcs.warehouse.transactions import Rights, warehouse_transaction
from airflow_provider_rcs.warehouse.upserts import on_conflict

_ROWS_AT_ONCE = 1_000

_NULL = r"\N"
# What COPY writes in place of these, in the order in which they are replaced.
_ESCAPES = (("\\", r"\\"), ("\t", r"\t"), ("\n", r"\n"), ("\r", r"\r"))
_ESCAPED = re.compile(r"\\(.)")
_MEANING = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def read(store: sa.Engine, page: Page, phones: PhoneForm) -> Generator[bytes]:
    """Yield the rows of a page as COPY writes them, some at a time, with phones as they are shown."""
    copied = _from_postgresql if store.dialect.name == "postgresql" else _from_sqlite
    with closing(copied(store, page, phones)) as blocks:
        yield from _shown(blocks, page.table, phones)


def write(warehouse: sa.Engine, page: Page, parts: Iterator[bytes]) -> int:
    """Write a page, read as COPY takes it, into a table of PostgreSQL, and return the number of its rows."""
    table = page.table
    if warehouse.dialect.driver not in DRIVERS:
        raise RcsInputError(
            "target_conn_id",
            f"its driver is {warehouse.dialect.driver}, by which nothing can be copied",
            f"Use one of {', '.join(f'postgresql+{name}' for name in DRIVERS)}.",
        )
    with warehouse_transaction(warehouse, Rights.COPY, table) as connection:
        arrived = _temporary_table(connection, table)
        columns = ", ".join(map(connection.dialect.identifier_preparer.quote, table.columns.keys()))
        count = copy_in(connection, f"{arrived.fullname} ({columns})", parts)
        rows = postgresql.insert(table).from_select(list(table.columns.keys()), sa.select(*arrived.c))
        connection.execute(on_conflict(rows, table))
        page.finish(connection)
    return count


def _temporary_table(connection: sa.Connection, table: sa.Table) -> sa.Table:
    """Create a table of the same columns, without those that others have added to the table."""
    schema = sa.MetaData(schema="pg_temp")
    columns = (sa.Column(column.name, column.type) for column in table.columns)
    arrived = sa.Table(f"{table.name}_page", schema, *columns, postgresql_on_commit="DROP", prefixes=["TEMPORARY"])
    arrived.create(connection, checkfirst=False)
    return arrived


def _from_postgresql(store: sa.Engine, page: Page, phones: PhoneForm) -> Generator[bytes]:
    return copied_out(store, cells(page, phones, lambda source, _: source))


def _from_sqlite(store: sa.Engine, page: Page, phones: PhoneForm) -> Generator[bytes]:
    """Yield the rows as COPY would write them, put together by SQLite."""
    first, *others = cells(page, phones, _escaped).subquery().c
    line: sa.ColumnElement[Any] = first
    for cell in others:
        line = line.concat("\t").concat(cell)
    with reading(store) as connection:
        lines = connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(sa.select(line)).scalars()
        for some in lines.partitions():
            yield "\n".join((*some, "")).encode()


def _escaped(source: sa.ColumnElement[Any], target: sa.Column[Any]) -> sa.ColumnElement[Any]:
    written: sa.ColumnElement[Any] = sa.type_coerce(source, sa.String)
    if isinstance(target.type, sa.DateTime):
        written = written + "+00"
    if isinstance(target.type, sa.String | Json):
        for character, escape in _ESCAPES:
            written = sa.func.replace(written, character, escape)
    return sa.func.coalesce(written, _NULL) if target.nullable else written


def _shown(blocks: Iterable[bytes], table: sa.Table, phones: PhoneForm) -> Iterable[bytes]:
    """Return the blocks with phones as they are shown."""
    shown = [(table.columns.keys().index(name), show) for name, show in phones.conversions(table).items()]
    return _joined(_converted(_lines(blocks), shown)) if shown else blocks


def _lines(blocks: Iterable[bytes]) -> Iterator[bytes]:
    rest = b""
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        yield from lines


def _converted(lines: Iterable[bytes], shown: Sequence[tuple[int, Callable[[str], str]]]) -> Iterator[bytes]:
    most = max(place for place, _ in shown) + 1
    for line in lines:
        found = line.split(b"\t", most)
        for place, show in shown:
            found[place] = _converted_cell(found[place], show)
        yield b"\t".join(found)


def _converted_cell(cell: bytes, show: Callable[[str], str]) -> bytes:
    text = cell.decode()
    if "\\" not in text:
        return show(text).encode()
    if text == _NULL:
        return cell
    converted = show(_ESCAPED.sub(lambda found: _MEANING.get(found[1], found[1]), text))
    for character, escape in _ESCAPES:
        converted = converted.replace(character, escape)
    return converted.encode()


def _joined(lines: Iterator[bytes]) -> Iterator[bytes]:
    while some := list(islice(lines, _ROWS_AT_ONCE)):
        yield b"\n".join((*some, b""))
