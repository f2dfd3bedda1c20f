"""Phones are read the same from pandas, polars, Arrow, Parquet, CSV, dicts and SQL."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_provider_rcs.api.models import Template
from airflow_provider_rcs.hooks.sql import stream_columns
from airflow_provider_rcs.recipients.listing import ListCounts, ListSettings, list_chunks
from airflow_provider_rcs.sending.sources import chunks_of

EXPECTED = Path(__file__).parents[2] / "phones_expected.csv"
ROWS = [row for row in csv.DictReader(EXPECTED.open(encoding="utf-8")) if not row["phone_format"]]
COLUMNS = {"phone": [row["text"] for row in ROWS], "country": [row["default_region"] for row in ROWS]}


def as_parquet(folder: Path) -> str:
    pq.write_table(pa.table(COLUMNS), folder / "people.parquet")
    return f"file://{folder}/people.parquet"


def as_csv(folder: Path) -> str:
    pd.DataFrame(COLUMNS).to_csv(folder / "people.csv", index=False)
    return f"file://{folder}/people.csv"


SOURCES: dict[str, Callable[[Path], Any]] = {
    "pandas": lambda _: pd.DataFrame(COLUMNS),
    "pandas, objects": lambda _: pd.DataFrame(COLUMNS, dtype=object),
    "polars": lambda _: pl.DataFrame(COLUMNS),
    "Arrow": lambda _: pa.table(COLUMNS),
    "Parquet": as_parquet,
    "CSV": as_csv,
    "dicts": lambda _: pd.DataFrame(COLUMNS).to_dict("records"),
}


def phones(chunks: Iterator[Any]) -> list[str]:
    settings = ListSettings(region_column="country")
    listed = list_chunks(chunks, Template("7", "Plain"), settings, ListCounts())
    return [(each.phone or "") if not each.rejection else "" for chunk in listed for each in chunk]


def expected() -> list[str]:
    return [f"+{row['expected']}" if row["expected"] else "" for row in ROWS]


@pytest.mark.parametrize("source", SOURCES)
def test_phones_of_a_table_or_a_file_are_read_as_expected(source: str, tmp_path: Path) -> None:
    assert phones(iter(chunks_of(SOURCES[source](tmp_path)))) == expected()


def test_phones_of_a_query_are_read_as_expected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(sqlite3.connect(tmp_path / "warehouse.db")) as connection:
        connection.execute("CREATE TABLE customer (phone TEXT, country TEXT)")
        connection.executemany("INSERT INTO customer VALUES (?, ?)", zip(*COLUMNS.values(), strict=True))
        connection.commit()
    monkeypatch.setenv(
        "AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": f"{tmp_path}/warehouse.db"})
    )

    assert phones(stream_columns("sql", "warehouse", "SELECT * FROM customer")) == expected()
