from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.recipients.chunks import ROWS_PER_CHUNK
from airflow_provider_rcs.sending.sources import chunks_of

PHONES = ["0034600000001", None, "600000003"]


def only_chunk(recipients: object) -> dict[str, Any]:
    (chunk,) = chunks_of(recipients)
    return {name: list(cells) for name, cells in chunk.items()}


@pytest.mark.parametrize("dtype", ["object", "string", "str", "category", pd.ArrowDtype(pa.string())])
def test_pandas_text_stays_text_and_missing_values_become_none(dtype: Any) -> None:
    frame = pd.DataFrame({"phone": pd.Series(PHONES, dtype=dtype)})

    assert only_chunk(frame) == {"phone": PHONES}


@pytest.mark.parametrize("dtype", ["Int64", pd.ArrowDtype(pa.int64())])
def test_nullable_pandas_integers_stay_whole(dtype: Any) -> None:
    frame = pd.DataFrame({"phone": pd.Series([34600000001, None], dtype=dtype)})

    cells = only_chunk(frame)["phone"]

    assert cells == [34600000001, None]
    assert type(cells[0]) is int


@pytest.mark.parametrize("dtype", ["boolean", pd.ArrowDtype(pa.bool_())])
def test_nullable_pandas_booleans_become_python_values(dtype: Any) -> None:
    frame = pd.DataFrame({"vip": pd.Series([True, None], dtype=dtype)})

    assert only_chunk(frame) == {"vip": [True, None]}


def test_arrow_dates_and_decimals_in_pandas_become_python_values() -> None:
    frame = pd.DataFrame(
        {
            "born": pd.Series([date(1990, 2, 3), None], dtype=pd.ArrowDtype(pa.date32())),
            "seen": pd.Series([datetime(2026, 1, 2, 3, 4, tzinfo=UTC), None], dtype="datetime64[ns, UTC]"),
            "owed": pd.Series([Decimal("1.50"), None], dtype=pd.ArrowDtype(pa.decimal128(9, 2))),
        }
    )

    assert only_chunk(frame) == {
        "born": [date(1990, 2, 3), None],
        "seen": [datetime(2026, 1, 2, 3, 4, tzinfo=UTC), None],
        "owed": [Decimal("1.50"), None],
    }


def test_nested_cells_are_lists_and_dicts_in_every_library() -> None:
    tags, address = [["a", "b"], None], [{"city": "Cádiz"}, None]
    table = pa.table({"tags": tags, "address": address})
    expected = {"tags": tags, "address": address}

    assert only_chunk(table) == expected
    assert only_chunk(pl.DataFrame({"tags": tags, "address": address})) == expected
    assert only_chunk(table.to_pandas()) == expected
    assert only_chunk(table.to_pandas(types_mapper=pd.ArrowDtype)) == expected


@pytest.mark.parametrize("table", [pl.DataFrame({"phone": PHONES}), pa.table({"phone": PHONES})])
def test_polars_and_arrow_tables_are_read_unchanged(table: object) -> None:
    assert only_chunk(table) == {"phone": PHONES}


@pytest.mark.parametrize("constructor", [pd.DataFrame, pl.DataFrame, pa.table])
def test_a_long_table_is_read_in_chunks_in_its_order(constructor: Any) -> None:
    numbers = list(range(2 * ROWS_PER_CHUNK + 1))

    chunks = list(chunks_of(constructor({"phone": numbers})))

    assert [len(chunk["phone"]) for chunk in chunks] == [ROWS_PER_CHUNK, ROWS_PER_CHUNK, 1]
    assert [cell for chunk in chunks for cell in chunk["phone"]] == numbers


@pytest.mark.parametrize("table", [pd.DataFrame({"phone": []}), pl.DataFrame({"phone": []}), pa.table({"phone": []})])
def test_a_table_without_rows_has_no_chunks(table: object) -> None:
    assert list(chunks_of(table)) == []


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame(np.zeros((1, 2)), columns=["phone", "phone"]),
        pd.DataFrame(np.zeros((1, 2)), columns=[1, "1"]),
        pa.table([[1], [2]], names=["phone", "phone"]),
    ],
)
def test_two_columns_with_the_same_name_are_refused(table: object) -> None:
    with pytest.raises(RcsInputError, match="recipients: two columns have the same name"):
        list(chunks_of(table))


def test_a_subclass_of_a_pandas_frame_is_read_as_one() -> None:
    class Customers(pd.DataFrame):
        pass

    assert only_chunk(Customers({"phone": ["34600000001"]})) == {"phone": ["34600000001"]}
