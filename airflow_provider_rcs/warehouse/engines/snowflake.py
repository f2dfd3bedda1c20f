"""Snowflake: each page is copied into a temporary table as Parquet, and merged from there by one statement."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import sqlalchemy as sa

from airflow_provider_rcs.warehouse.merging import merge
from airflow_provider_rcs.warehouse.pages import Page
from airflow_provider_rcs.warehouse.transactions import Rights, warehouse_transaction

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


def write(warehouse: sa.Engine, page: Page, parts: Iterator[pa.Table]) -> int:
    """Write a page that was read as one Arrow table into a table of Snowflake, and return the number of its rows."""
    (rows,) = parts
    with warehouse_transaction(warehouse, Rights.UPSERT, page.table) as connection:
        if rows.num_rows:
            _upsert(connection, rows, page.table)
        page.finish(connection)
    count: int = rows.num_rows
    return count


def _upsert(connection: sa.Connection, rows: pa.Table, table: sa.Table) -> None:
    arrived = _temporary_table(table)
    # Before the transaction's first row: each CREATE commits.
    connection.execute(sa.schema.CreateTable(arrived))
    _copy(connection, rows, arrived)
    dialect = connection.dialect
    connection.execute(merge(table, dialect.identifier_preparer.format_table(arrived), dialect))


def _temporary_table(table: sa.Table) -> sa.Table:
    """Return a table of the same columns that only its session sees, and each page replaces."""
    # Types are given, because those that the driver would infer have no zone.
    columns = (sa.Column(column.name, column.type) for column in table.columns)
    schema = sa.MetaData(schema=table.schema)
    return sa.Table(f"{table.name}_page", schema, *columns, prefixes=["OR REPLACE TEMPORARY"])


def _copy(connection: sa.Connection, rows: pa.Table, arrived: sa.Table) -> None:
    from snowflake.connector.pandas_tools import write_pandas

    stored = connection.dialect.denormalize_name
    names = arrived.schema.split(".") if arrived.schema else []
    write_pandas(
        connection.connection.driver_connection,
        _frame(rows).rename(columns=stored),
        stored(arrived.name),
        # Otherwise moments lose their zone.
        use_logical_type=True,
        **dict(zip(("schema", "database"), map(stored, reversed(names)), strict=False)),
    )


def _frame(rows: pa.Table) -> pd.DataFrame:
    import pandas as pd
    import pyarrow as pa

    # Otherwise a column with nulls would hold its integers as floats.
    frame: pd.DataFrame = rows.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    return frame
