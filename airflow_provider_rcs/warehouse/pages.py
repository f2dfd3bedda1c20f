"""The rows of a page of the store, with the cells that a table of the warehouse takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.store.db.bulk import column_types, rows_as_json, rows_from_json
from airflow_provider_rcs.store.db.engine import reading
from airflow_provider_rcs.store.db.types import UtcDateTime
from airflow_provider_rcs.warehouse.phones import PhoneForm
from airflow_provider_rcs.warehouse.tables import Json

_EXTRA = "extra"

_ROWS_AT_ONCE = 5_000

_Cell = sa.ColumnElement[Any]


def _do_nothing(_connection: sa.Connection) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of the store for a table of the warehouse.

    :param rows: selects the columns of the table, in their order; no key twice, and phones as the store has them.
    :param table: the table; its ``info["version"]`` names the column that shows which row is newer.
    :param finish: run in the transaction of the rows, after them.
    """

    rows: sa.Select[Any]
    table: sa.Table
    finish: Callable[[sa.Connection], None] = _do_nothing


def texts(dialect: str, page: Page, phones: PhoneForm) -> sa.Select[Any]:
    """Return the page with its moments, dates and JSON values as texts, which the store's database writes.

    Moments are in UTC, as ``2026-03-29 00:59:59.000000``, dates in ISO format.

    :param dialect: name of the store's dialect.
    """
    as_text = _postgresql_text if dialect == "postgresql" else _sqlite_text
    return cells(page, phones, as_text)


def cells(page: Page, phones: PhoneForm, cell: Callable[[_Cell, sa.Column[Any]], _Cell]) -> sa.Select[Any]:
    """Return a page's rows, with an expression for each column; undocumented fields are left out if they have to.

    :param cell: returns the expression for a column of the page and the column of the table.
    """
    # Both databases of the store have this function.
    nothing = sa.func.json(sa.literal_column("'{}'"), type_=sa.JSON)
    left_out = set() if phones.with_extra else {_EXTRA}
    pairs = zip(page.rows.subquery("page").c, page.table.columns, strict=True)
    shown = ((nothing if target.name in left_out else source, target) for source, target in pairs)
    return sa.select(*(cell(source, target).label(target.name) for source, target in shown))


def page_of_rows(dialect: str, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> Page:
    """Return a page of rows that do not come from the store, for its database to write like all others.

    :param dialect: name of the store's dialect.
    :param rows: the rows, with all columns of the table; none of JSON.
    """
    # SQLAlchemy's names are a subclass of str, which orjson does not accept as keys.
    columns = column_types(table, [str(column.name) for column in table.columns])
    values = rows_as_json(dialect, columns, [[row[name] for name in columns] for row in rows])
    return Page(sa.select(*rows_from_json(dialect, columns).c).params(values), table)


def rows_of_texts(store: sa.Engine, page: Page, phones: PhoneForm) -> Iterator[list[Any]]:
    """Yield the rows of :func:`texts`, some at a time, with phones as they are shown; integers stay integers."""
    names = page.table.columns.keys()
    shown = [(names.index(name), show) for name, show in phones.conversions(page.table).items()]
    for some in _read(store, texts(store.dialect.name, page, phones)):
        yield list(_shown(some, shown) if shown else map(tuple, some))


def rows_of_values(store: sa.Engine, page: Page, phones: PhoneForm) -> Iterator[list[dict[str, Any]]]:
    """Yield the rows of the page, some at a time, with the values that SQLAlchemy's types of the table take."""
    shown = phones.conversions(page.table)
    for some in _read(store, cells(page, phones, _value)):
        yield [_shown_values(dict(row._mapping), shown) for row in some]


def _read(store: sa.Engine, rows: sa.Select[Any]) -> Iterator[Sequence[sa.Row[Any]]]:
    with reading(store) as connection:
        yield from connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(rows).partitions()


def _shown(rows: Sequence[sa.Row[Any]], shown: Sequence[tuple[int, Callable[[str], str]]]) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        converted = list(row)
        for place, show in shown:
            if converted[place] is not None:
                converted[place] = show(converted[place])
        yield tuple(converted)


def _shown_values(row: Mapping[str, Any], shown: Mapping[str, Callable[[str], str]]) -> dict[str, Any]:
    return {**row, **{name: show(row[name]) for name, show in shown.items() if row[name] is not None}}


def _postgresql_text(source: _Cell, target: sa.Column[Any]) -> _Cell:
    match target.type:
        case sa.DateTime():
            return sa.func.to_char(sa.func.timezone("UTC", source), "YYYY-MM-DD HH24:MI:SS.US")
        case sa.Date():
            return sa.func.to_char(source, "YYYY-MM-DD")
        case Json():
            return sa.cast(source, sa.Text)
    return source


def _sqlite_text(source: _Cell, target: sa.Column[Any]) -> _Cell:
    # SQLite has texts of this form.
    return sa.type_coerce(source, sa.String) if isinstance(target.type, sa.DateTime | sa.Date | Json) else source


def _value(source: _Cell, target: sa.Column[Any]) -> _Cell:
    match target.type:
        case sa.DateTime():
            return sa.type_coerce(source, UtcDateTime)
        case sa.Date():
            return sa.type_coerce(source, sa.Date)
        case Json():
            return sa.type_coerce(source, sa.JSON)
    return source
