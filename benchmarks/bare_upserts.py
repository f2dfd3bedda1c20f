"""The bulk path of each engine and one upsert, with rows that are ready: the limit of a load."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from airflow_provider_rcs.warehouse.upserts import changed_columns, on_conflict

_BYTES_AT_ONCE = 2**18

Upsert = Callable[[sa.Connection], None]


def bare_upserts(warehouse: sa.Engine, tables: Sequence[sa.Table], folder: Path) -> Callable[[], None]:
    """Keep the rows of tables in the form that the engine takes, and return what upserts them, a table at a time.

    :param folder: where the rows are kept that do not stay in memory.
    """
    keep = _KEEP[warehouse.dialect.name]
    upserts = [keep(warehouse, table, folder) for table in tables]

    def upsert_all() -> None:
        for upsert in upserts:
            with warehouse.begin() as connection:
                upsert(connection)

    return upsert_all


def _postgresql(warehouse: sa.Engine, table: sa.Table, _folder: Path) -> Upsert:
    with warehouse.connect() as connection, connection.connection.cursor().copy(f"COPY {table.name} TO STDOUT") as out:
        content = b"".join(out)

    def upsert(connection: sa.Connection) -> None:
        connection.exec_driver_sql(
            f"CREATE TEMPORARY TABLE ready ON COMMIT DROP AS SELECT * FROM {table.name} WITH NO DATA"
        )
        with connection.connection.cursor().copy("COPY ready FROM STDIN") as copy:
            for start in range(0, len(content), _BYTES_AT_ONCE):
                copy.write(content[start : start + _BYTES_AT_ONCE])
        connection.execute(_from_ready(table))

    return upsert


def _duckdb(warehouse: sa.Engine, table: sa.Table, _folder: Path) -> Upsert:
    with warehouse.connect() as connection:
        content = connection.connection.sql(f"SELECT * FROM {table.name}").to_arrow_table()

    def upsert(connection: sa.Connection) -> None:
        connection.connection.register("ready", content)
        connection.execute(_from_ready(table))
        connection.connection.unregister("ready")

    return upsert


def _sqlite(warehouse: sa.Engine, table: sa.Table, folder: Path) -> Upsert:
    kept = folder / f"{table.name}.db"
    kept.unlink(missing_ok=True)
    with warehouse.connect() as connection:
        connection.exec_driver_sql(f"VACUUM INTO '{kept}'")
    rows = f"SELECT {', '.join(table.columns.keys())} FROM {table.name}"

    def upsert(connection: sa.Connection) -> None:
        statement = str(on_conflict(sqlite.insert(table), table).compile(dialect=warehouse.dialect))
        with closing(sqlite3.connect(kept)) as ready:
            cursor: Any = connection.connection.cursor()
            cursor.executemany(statement, ready.execute(rows))

    return upsert


def _mariadb(warehouse: sa.Engine, table: sa.Table, folder: Path) -> Upsert:
    kept = folder / f"{table.name}.txt"
    kept.unlink(missing_ok=True)
    columns = ", ".join(table.columns.keys())
    with warehouse.connect() as connection:
        connection.exec_driver_sql(f"SELECT {columns} INTO OUTFILE '{kept}' FROM {table.name}")
    version = table.info["version"]
    changes = ", ".join(
        f"{name} = IF(VALUES({version}) >= {table.name}.{version}, VALUES({name}), {table.name}.{name})"
        for name in changed_columns(table)
    )

    def upsert(connection: sa.Connection) -> None:
        connection.exec_driver_sql(f"CREATE TEMPORARY TABLE ready AS SELECT {columns} FROM {table.name} LIMIT 0")
        connection.exec_driver_sql(f"LOAD DATA INFILE '{kept}' INTO TABLE ready CHARACTER SET utf8mb4")
        connection.exec_driver_sql(
            f"INSERT INTO {table.name} ({columns}) SELECT * FROM ready ON DUPLICATE KEY UPDATE {changes}"
        )
        connection.exec_driver_sql("DROP TEMPORARY TABLE ready")

    return upsert


def _from_ready(table: sa.Table) -> Any:
    ready = sa.table("ready", *map(sa.column, table.columns.keys()))
    return on_conflict(postgresql.insert(table).from_select(table.columns.keys(), sa.select(*ready.c)), table)


_KEEP: Mapping[str, Callable[[sa.Engine, sa.Table, Path], Upsert]] = {
    "postgresql": _postgresql,
    "duckdb": _duckdb,
    "sqlite": _sqlite,
    "mysql": _mariadb,
    "mariadb": _mariadb,
}
