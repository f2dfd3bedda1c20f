"""PostgreSQL's COPY, with psycopg and psycopg2."""

from __future__ import annotations

import io
from collections.abc import Generator, Iterable
from itertools import islice
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.store.db.engine import reading

DRIVERS = ("psycopg", "psycopg2")

_ROWS_PER_BLOCK = 500
_BYTES_PER_BLOCK = 2**16


def copied_out(store: sa.Engine, rows: sa.Select[Any], options: str = "") -> Generator[bytes]:
    """Yield rows of the store as COPY writes them, in UTF-8, some at a time; dates are in ISO format.

    :param options: further options of COPY, each followed by a comma.
    """
    with reading(store) as connection:
        connection.exec_driver_sql("SET LOCAL datestyle = 'ISO, YMD'")
        copy = f"COPY ({_as_literal_sql(rows, connection.dialect)}) TO STDOUT ({options} ENCODING 'UTF8')"
        cursor = connection.connection.cursor()
        if connection.dialect.driver == "psycopg":
            with cursor.copy(copy) as copied:
                remaining = iter(copied)
                while block := b"".join(islice(remaining, _ROWS_PER_BLOCK)):
                    yield block
        else:
            whole = io.BytesIO()
            cursor.copy_expert(copy, whole)
            whole.seek(0)
            while block := whole.read(_BYTES_PER_BLOCK):
                yield block


def copy_in(connection: sa.Connection, table: str, blocks: Iterable[bytes]) -> int:
    """Insert rows as COPY writes them, in UTF-8, and return their number.

    :param table: the quoted name of the table, with its columns.
    """
    copy = f"COPY {table} FROM STDIN (ENCODING 'UTF8')"
    cursor = connection.connection.cursor()
    if connection.dialect.driver == "psycopg":
        with cursor.copy(copy) as copied:
            for block in blocks:
                copied.write(block)
    else:
        cursor.copy_expert(copy, io.BufferedReader(_Readable(blocks)))
    count: int = cursor.rowcount
    return count


class _Readable(io.RawIOBase):
    """Blocks of bytes as a file to read."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        super().__init__()
        self._blocks = iter(blocks)
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = memoryview(next(self._blocks, b""))
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def _as_literal_sql(rows: sa.Select[Any], dialect: sa.Dialect) -> str:
    # COPY takes no parameters. A driver's percent signs are doubled.
    return str(rows.compile(dialect=dialect, compile_kwargs={"literal_binds": True})) % ()
