"""No error, log or preview quotes a recipient, whatever is in the cells and wherever they come from."""

from __future__ import annotations

import csv
import gzip
import io
import json
import logging
import os
import sqlite3
import traceback
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_rcs.api.models import Template, TemplateVariable
from airflow_provider_rcs.hooks.sql import stream_columns
from airflow_provider_rcs.sending.preview import dry_run
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.sending.sources import chunks_of
from tests.examples import examples
from tests.unit.sending.service import Service

MARK = "Núria"
WELCOME = Template(
    "1",
    "Welcome",
    (TemplateVariable("Who", "DESTINATARIO", filled_by_service=True), TemplateVariable("total", "TEXTO")),
)
SECRETS = st.text(st.sampled_from("aZ0 :/{}[]'\",;%\\\n\r\t\0\x1bñ€🎉{{}}"), max_size=20).map(
    lambda text: f"{MARK}://{text}"
)
GOOD_ROW = ("+34600000001", "Ana", "7")


def _write(folder: Path, name: str, content: bytes) -> str:
    (folder / name).write_bytes(content)
    return (folder / name).as_uri()


def _csv(rows: list[Any], header: bool = True) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([("phone", "name", "total"), *rows] if header else rows)
    return text.getvalue().encode()


def _columns(rows: list[Any]) -> dict[str, list[Any]]:
    return {name: list(cells) for name, cells in zip(("phone", "name", "total"), zip(*rows, strict=True), strict=True)}


def _dicts(rows: list[Any]) -> list[dict[str, Any]]:
    return [dict(zip(("phone", "name", "total"), row, strict=True)) for row in rows]


def _parquet(folder: Path, rows: list[Any]) -> str:
    pq.write_table(pa.table(_columns(rows)), folder / "people.parquet")
    return (folder / "people.parquet").as_uri()


def _sqlite(folder: Path, rows: list[Any], query: str = "SELECT * FROM customer") -> Any:
    with closing(sqlite3.connect(folder / "sqlite.db")) as connection:
        connection.execute("CREATE TABLE customer (phone, name, total)")
        connection.executemany("INSERT INTO customer VALUES (?, ?, ?)", rows)
        connection.commit()
    return _query("sqlite", folder / "sqlite.db", query)


def _duckdb(folder: Path, rows: list[Any], query: str) -> Any:
    with closing(duckdb.connect(str(folder / "duck.db"))) as connection:
        connection.execute("CREATE TABLE customer (phone TEXT, name TEXT, total TEXT)")
        connection.executemany("INSERT INTO customer VALUES (?, ?, ?)", rows)
    return _query("duckdb", folder / "duck.db", query)


def _query(kind: str, path: Path, query: str) -> Any:
    with patch.dict(os.environ, AIRFLOW_CONN_WAREHOUSE=json.dumps({"conn_type": kind, "host": str(path)})):
        yield from stream_columns("sql", "warehouse", query)


SOURCES: dict[str, Callable[[Path, list[Any]], Any]] = {
    "list": lambda _, rows: _dicts(rows),
    "iterator": lambda _, rows: iter(_dicts(rows)),
    "list as text": lambda _, rows: str(_dicts(rows)),
    "cell as text": lambda _, rows: f"{rows[-1]}",
    "list of lists": lambda _, rows: rows,
    "keys": lambda _, rows: [{cell: cell for cell in row} for row in rows],
    "nested": lambda _, rows: [{"phone": [row], "name": {"x": row}, "total": row} for row in rows],
    "pandas": lambda _, rows: pd.DataFrame(_columns(rows)),
    "pandas without names": lambda _, rows: pd.DataFrame(rows[1:], columns=rows[0]),
    "polars": lambda _, rows: pl.DataFrame(_columns(rows)),
    "Arrow": lambda _, rows: pa.table(_columns(rows)),
    "bytes": lambda _, rows: str(rows).encode(),
    "frames": lambda _, rows: iter([pd.DataFrame(_columns(rows)), rows]),
    "Parquet": _parquet,
    "no Parquet": lambda folder, rows: _write(folder, "people.parquet", _csv(rows)),
    "CSV": lambda folder, rows: _write(folder, "people.csv", _csv(rows)),
    "CSV without a header": lambda folder, rows: _write(folder, "people.csv", _csv(rows, header=False)),
    "CSV with twice the header": lambda folder, rows: _write(folder, "people.csv", _csv([rows[-1] * 2], header=False)),
    "CSV without quotes": lambda folder, rows: _write(folder, "people.csv", str(rows).encode()),
    "CSV in Latin-1": lambda folder, rows: _write(folder, "people.csv", _csv(rows).decode().encode("utf-16")),
    "CSV cut off": lambda folder, rows: _write(folder, "people.csv.gz", gzip.compress(_csv(rows))[:-9]),
    "SQLite": _sqlite,
    "SQLite, wrong": lambda folder, rows: _sqlite(folder, rows, "SELECT json_extract(name, name) FROM customer"),
    "DuckDB": lambda folder, rows: _duckdb(folder, rows, "SELECT * FROM customer"),
    "DuckDB, wrong": lambda folder, rows: _duckdb(folder, rows, "SELECT phone, CAST(name AS INT) FROM customer"),
    "DuckDB, wrong date": lambda folder, rows: _duckdb(folder, rows, "SELECT strptime(name, '%d') FROM customer"),
    "DuckDB, wrong JSON": lambda folder, rows: _duckdb(folder, rows, "SELECT name::JSON->'$.x' FROM customer"),
}
ARGUMENTS = [
    {},
    {"on_invalid": "fail"},
    {"name_column": "first_name"},
    {"phone_column": "name"},
    {"phone_column": "mobile"},
    {"variables": {"total": "name"}},
    {"variables": {"total": "price"}},
    {"name_column": None, "reference_column": "name"},
]


@pytest.mark.parametrize("source", SOURCES)
@settings(max_examples=examples(5), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(secret=SECRETS, place=st.integers(0, 2), arguments=st.sampled_from(ARGUMENTS))
@pytest.mark.slow
def test_no_cell_is_in_an_error_a_log_or_a_preview(
    caplog: pytest.LogCaptureFixture, source: str, secret: str, place: int, arguments: Any
) -> None:
    caplog.clear()
    row = tuple(secret if position == place else cell for position, cell in enumerate(GOOD_ROW))
    shown = ""

    with TemporaryDirectory() as folder, caplog.at_level(logging.DEBUG):
        try:
            recipients = SOURCES[source](Path(folder), [GOOD_ROW, row])
            is_query = "SQLite" in source or "DuckDB" in source
            chunks = recipients if is_query else chunks_of(recipients)
            shown = repr(dry_run(None, Service(template=WELCOME), SendSettings("1", "spring", **arguments), chunks))
        except Exception as error:  # noqa: BLE001 - the errors of libraries are what must not get out
            shown = "".join(traceback.format_exception(error))

    assert MARK not in shown
    assert MARK not in caplog.text
