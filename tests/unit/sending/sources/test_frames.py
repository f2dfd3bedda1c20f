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
from airflow_provider_rcs.recipients.columns import ROWS_PER_CHUNK
from airflow_provider_rcs.sending.sources import chunks_of

PHONES = ["0034600000001", None, "600000003"]


def only_chunk(recipients: object) -> dict[str, Any]:
    (chunk,) = chunks_of(recipients)
    return {name: list(cells) for name, cells in chunk.items()}


@pytest.mark.parametrize("kept_by", ["object", "string", "str", "category", pd.ArrowDtype(pa.string())])
def test_text_of_pandas_is_text_and_what_is_missing_is_none(kept_by: Any) -> None:
    frame = pd.DataFrame({"phone": pd.Series(PHONES, dtype=kept_by)})

    assert only_chunk(frame) == {"phone": PHONES}


@pytest.mark.parametrize("kept_by", ["Int64", pd.ArrowDtype(pa.int64())])
def test_whole_numbers_of_pandas_that_can_be_missing_stay_whole(kept_by: Any) -> None:
    frame = pd.DataFrame({"phone": pd.Series([34600000001, None], dtype=kept_by)})

    cells = only_chunk(frame)["phone"]

    assert cells == [34600000001, None]
    assert type(cells[0]) is int


@pytest.mark.parametrize("kept_by", ["boolean", pd.ArrowDtype(pa.bool_())])
def test_truth_values_of_pandas_that_can_be_missing_are_pythons(kept_by: Any) -> None:
    frame = pd.DataFrame({"vip": pd.Series([True, None], dtype=kept_by)})

    assert only_chunk(frame) == {"vip": [True, None]}


def test_dates_and_decimals_of_arrow_in_pandas_are_pythons() -> None:
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


def test_nested_cells_are_lists_and_dicts_whoever_keeps_them() -> None:
    tags, address = [["a", "b"], None], [{"city": "Cádiz"}, None]
    table = pa.table({"tags": tags, "address": address})
    expected = {"tags": tags, "address": address}

    assert only_chunk(table) == expected
    assert only_chunk(pl.DataFrame({"tags": tags, "address": address})) == expected
    assert only_chunk(table.to_pandas()) == expected
    assert only_chunk(table.to_pandas(types_mapper=pd.ArrowDtype)) == expected


@pytest.mark.parametrize("table", [pl.DataFrame({"phone": PHONES}), pa.table({"phone": PHONES})])
def test_tables_of_polars_and_arrow_come_out_as_they_are(table: object) -> None:
    assert only_chunk(table) == {"phone": PHONES}


@pytest.mark.parametrize("made_by", [pd.DataFrame, pl.DataFrame, pa.table])
def test_a_long_table_comes_in_chunks_in_its_order(made_by: Any) -> None:
    numbers = list(range(2 * ROWS_PER_CHUNK + 1))

    chunks = list(chunks_of(made_by({"phone": numbers})))

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
def test_two_columns_of_one_name_are_refused(table: object) -> None:
    with pytest.raises(RcsInputError, match="recipients: two columns have the same name"):
        list(chunks_of(table))


def test_a_frame_of_a_library_that_builds_on_pandas_is_one_of_pandas() -> None:
    class Customers(pd.DataFrame):
        pass

    assert only_chunk(Customers({"phone": ["34600000001"]})) == {"phone": ["34600000001"]}
