"""What a view of the warehouse consists of, and the statements that create it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.warehouse.tables import WarehouseTables

_HAS_COMMENTS_ON_VIEWS = ("postgresql", "duckdb")


@dataclass(frozen=True, slots=True)
class View:
    """A view.

    :param comment: what a row of it is.
    :param columns: its columns in their order -> what they contain, with unit and zone.
    :param query: returns the query for the tables of a warehouse, on the dialect of a name.
    """

    name: str
    comment: str
    columns: Mapping[str, str]
    query: Callable[[WarehouseTables, str], sa.Select[Any]]


def create_statements(view: View, tables: WarehouseTables, dialect: sa.Dialect) -> list[str]:
    """Return the statements that create or replace a view, and comment on it where the engine can."""
    target = sa.Table(
        view.name,
        sa.MetaData(schema=tables.metadata.schema),
        *(sa.Column(name, sa.Text, comment=comment) for name, comment in view.columns.items()),
    )
    name = dialect.identifier_preparer.format_table(target)
    query = view.query(tables, dialect.name).compile(dialect=dialect, compile_kwargs={"literal_binds": True})
    return [*_create(name, str(query), dialect.name), *_comments(view, target, name, dialect)]


def _create(name: str, query: str, dialect: str) -> list[str]:
    match dialect:
        case "sqlite":
            return [f"DROP VIEW IF EXISTS {name}", f"CREATE VIEW {name} AS {query}"]
        case "mssql":
            return [f"CREATE OR ALTER VIEW {name} AS {query}"]
        case _:
            return [f"CREATE OR REPLACE VIEW {name} AS {query}"]


def _comments(view: View, target: sa.Table, name: str, dialect: sa.Dialect) -> list[str]:
    if dialect.name not in _HAS_COMMENTS_ON_VIEWS:
        return []
    text = sa.literal(view.comment).compile(dialect=dialect, compile_kwargs={"literal_binds": True})
    on_columns = (str(sa.schema.SetColumnComment(column).compile(dialect=dialect)) for column in target.columns)
    return [f"COMMENT ON VIEW {name} IS {text}", *on_columns]
