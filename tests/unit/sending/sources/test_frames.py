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
from airflow_provider_rcs.recipients.cells import UnreadableCell, read_text_column
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


def test_missing_values_among_the_categories_of_a_pandas_column_become_none() -> None:
    frame = pd.DataFrame({"phone": [600000001, None, 600000001]}, dtype="Int64").astype(object).astype("category")
    frame["visits"] = pd.Categorical([7, None, 7])

    assert only_chunk(frame) == {"phone": [600000001, None, 600000001], "visits": [7, None, 7]}


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


PRICES = [19.9, None, 0.1]
FLOAT32 = pa.array(PRICES, pa.float32())


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"price": pd.Series(PRICES, dtype="float32")}),
        pd.DataFrame({"price": pd.Series(PRICES, dtype="Float32")}),
        pd.DataFrame({"price": pd.Series(PRICES, dtype="float16")}),
        pd.DataFrame({"price": pd.Series(PRICES, dtype="float32").astype("category")}),
        pd.DataFrame({"price": pd.Series(FLOAT32, dtype=pd.ArrowDtype(pa.float32()))}),
        pd.DataFrame({"price": pd.Series(FLOAT32, dtype=pd.ArrowDtype(pa.float32())).astype("category")}),
        pd.DataFrame({"price": [np.float32(19.9), None, np.float32(0.1)]}, dtype=object),
        pl.DataFrame({"price": pl.Series(PRICES, dtype=pl.Float32)}),
        pa.table({"price": FLOAT32}),
        pa.table({"price": FLOAT32.dictionary_encode()}),
        pa.table({"price": FLOAT32.cast(pa.float16())}),
        pa.RecordBatch.from_arrays([FLOAT32], ["price"]),
    ],
)
def test_floats_of_32_and_16_bits_keep_their_size(table: object) -> None:
    cells = only_chunk(table)["price"]

    assert {type(cell) for cell in cells if cell == cell} - {type(None)} <= {np.float32, np.float16}
    assert read_text_column(cells)[0] == ["19.9", "", "0.1"]


BEYOND = [2**62, 0]
LAST_SECOND = [253_402_300_799, 0]


@pytest.mark.parametrize(
    "table",
    [
        pa.table({"x": pa.array(BEYOND, pa.timestamp("s"))}),
        pa.table({"x": pa.array(LAST_SECOND, pa.timestamp("s", "Europe/Madrid"))}),
        pa.table({"x": pa.array(BEYOND, pa.duration("s"))}),
        pa.table({"x": pa.array([10**8, 0], pa.date32())}),
        pl.DataFrame({"x": pl.Series(BEYOND).cast(pl.Datetime("ms"))}),
        pl.DataFrame({"x": pl.Series([second * 1000 for second in LAST_SECOND]).cast(pl.Datetime("ms", "Asia/Tokyo"))}),
        pl.DataFrame({"x": pl.Series(BEYOND).cast(pl.Duration("ms"))}),
        pl.DataFrame({"x": pl.Series([10**8, 0], dtype=pl.Int32).cast(pl.Date)}),
        pd.DataFrame({"x": np.array(["300000-01-01", "1970-01-01"], dtype="datetime64[s]")}),
        pd.DataFrame({"x": np.array([2**62, 0], dtype="timedelta64[s]")}),
        pd.DataFrame({"x": pd.Series(pa.array(BEYOND, pa.timestamp("s")), dtype=pd.ArrowDtype(pa.timestamp("s")))}),
        pd.DataFrame({"x": pd.Series([np.datetime64("300000-01-01"), np.datetime64("1970-01-01")], dtype=object)}),
    ],
)
def test_a_value_that_python_cannot_hold_rejects_its_row_and_no_other(table: object) -> None:
    texts, refused = read_text_column(only_chunk(table)["x"])

    assert refused.keys() == {0}
    assert texts[1]


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"phone": PHONES}).assign(
            unused=pd.Series(pa.array([2**62] * 3, pa.timestamp("s")), dtype=pd.ArrowDtype(pa.timestamp("s")))
        ),
        pl.DataFrame({"phone": PHONES, "unused": pl.Series([10**8] * 3, dtype=pl.Int32).cast(pl.Date)}),
        pa.table({"phone": PHONES, "unused": pa.array([2**62] * 3, pa.timestamp("s", "Europe/Madrid"))}),
    ],
)
def test_a_column_that_is_not_used_is_not_converted(table: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("a value was converted")

    monkeypatch.setattr(UnreadableCell, "__init__", fail)

    (chunk,) = chunks_of(table)

    assert list(chunk) == ["phone", "unused"]
    assert list(chunk["phone"]) == PHONES


def test_two_columns_with_the_same_name_are_named_with_their_places() -> None:
    with pytest.raises(RcsInputError, match=r"the same name: 'phone' \(columns 1 and 3\)\. Rename one of them"):
        list(chunks_of(pa.table([[1], [2], [3]], names=["phone", "name", "phone"])))


@pytest.mark.parametrize("index", [pd.Index(["34600000001"], name="phone"), pd.Index(["34600000001"])])
def test_a_frame_with_an_index_of_its_own_hints_at_resetting_it(index: Any) -> None:
    [chunk] = chunks_of(pd.DataFrame({"name": ["Ana"]}, index=index))

    assert "frame.reset_index()" in chunk.hint  # type: ignore[attr-defined]


def test_a_frame_with_a_default_index_has_no_hint() -> None:
    [chunk] = chunks_of(pd.DataFrame({"name": ["Ana"]}))

    assert chunk.hint == ""  # type: ignore[attr-defined]


FRAMES = [pd.DataFrame({"phone": [1, 2]}), pl.DataFrame({"phone": [3]}), pa.table({"phone": [4]})]


@pytest.mark.parametrize("give", [list, iter])
def test_tables_of_any_library_are_read_one_after_the_other(give: Any) -> None:
    chunks = list(chunks_of(give(FRAMES)))

    assert [list(chunk["phone"]) for chunk in chunks] == [[1, 2], [3], [4]]


def test_tables_of_an_iterator_are_read_one_at_a_time() -> None:
    made: list[int] = []

    def frames() -> Any:
        for number in range(3):
            made.append(number)
            yield pd.DataFrame({"phone": [number]})

    next(chunks_of(frames()))

    assert made == [0]


def test_a_reader_of_record_batches_is_read() -> None:
    table = pa.table({"phone": [1, 2, 3]})

    chunks = chunks_of(pa.RecordBatchReader.from_batches(table.schema, table.to_batches(2)))

    assert [list(chunk["phone"]) for chunk in chunks] == [[1, 2], [3]]


def test_a_table_without_rows_or_columns_may_be_among_others() -> None:
    chunks = chunks_of([pd.DataFrame(), pd.DataFrame({"phone": [1]}), pd.DataFrame()])

    assert [list(chunk["phone"]) for chunk in chunks] == [[1]]


def test_tables_with_other_columns_are_refused_by_number() -> None:
    with pytest.raises(RcsInputError, match="table 2 has other columns .* it lacks 'phone' and it adds 'PHONE'"):
        list(chunks_of(iter([pd.DataFrame({"phone": [1]}), pd.DataFrame({"PHONE": [1]})])))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([FRAMES[0], {"phone": 1}], "item 2 is a dict, and the first one a table"),
        ([{"phone": 1}, FRAMES[0]], "an entry of the list is not a dict"),
    ],
)
@pytest.mark.parametrize("give", [list, iter])
def test_tables_and_dicts_are_not_mixed(parts: Any, message: str, give: Any) -> None:
    with pytest.raises(RcsInputError, match=message):
        list(chunks_of(give(parts)))
