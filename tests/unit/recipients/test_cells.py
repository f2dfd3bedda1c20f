"""Cells of a source as text."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_rcs.recipients.cells import UnreadableCell, cell_text, is_missing, plain_texts, read_text_column

MISSING: list[Any] = [
    None,
    float("nan"),
    np.nan,
    pd.NA,
    pd.NaT,
    Decimal("NaN"),
    Decimal("sNaN"),
    np.float32("nan"),
    np.datetime64("NaT"),
    np.timedelta64("NaT"),
]


class Tier(int, Enum):
    """Integers with names, as a source of Python objects may have."""

    GOLD = 1


def read_alone(cell: Any) -> tuple[str, str | None]:
    """Return a cell's text and what is wrong with it, read by itself."""
    try:
        return cell_text(cell), None
    except ValueError as error:
        return "", str(error)


@pytest.mark.parametrize("cell", MISSING, ids=repr)
def test_a_missing_value_is_missing(cell: Any) -> None:
    assert is_missing(cell)


@pytest.mark.parametrize("cell", MISSING, ids=repr)
def test_a_missing_value_is_empty_text(cell: Any) -> None:
    assert cell_text(cell) == ""


@pytest.mark.parametrize("cell", ["", 0, 0.0, False, " ", Decimal(0)], ids=repr)
def test_a_falsy_value_is_not_missing(cell: Any) -> None:
    assert not is_missing(cell)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("Pedro Pérez", "Pedro Pérez"),
        ("  Ana  ", "Ana"),
        (7, "7"),
        (7.0, "7"),
        (-0.0, "0"),
        (1e16, "10000000000000000"),
        (7.25, "7.25"),
        (np.int64(7), "7"),
        (np.float64(7.0), "7"),
        (np.float32(7.0), "7"),
        (True, "true"),
        (False, "false"),
        (np.bool_(True), "true"),
        (Decimal("19.90"), "19.90"),
        (Decimal("1E+3"), "1000"),
        (date(2026, 5, 1), "2026-05-01"),
        (datetime(2026, 5, 1, 9, 30), "2026-05-01 09:30:00"),  # noqa: DTZ001
        (datetime(1, 1, 1), "0001-01-01 00:00:00"),  # noqa: DTZ001
        (datetime(9999, 12, 31, 23, 59, 59), "9999-12-31 23:59:59"),  # noqa: DTZ001
        (datetime(2026, 5, 1, 9, 30, 15, 999999, tzinfo=UTC), "2026-05-01 09:30:15+00:00"),
        (pd.Timestamp("2026-05-01 09:30"), "2026-05-01 09:30:00"),
        (np.datetime64("2026-05-01T09:30:00.123456789"), "2026-05-01 09:30:00"),
        (np.datetime64("2026-05-01"), "2026-05-01"),
        (time(9, 30), "09:30:00"),
        (timedelta(hours=26, minutes=3, seconds=4, microseconds=5), "26:03:04"),
        (timedelta(seconds=-65), "-0:01:05"),
        (timedelta(0), "0:00:00"),
        (pd.Timedelta("90s"), "0:01:30"),
        (np.timedelta64(90, "s"), "0:01:30"),
        (np.timedelta64(90 * 10**9, "ns"), "0:01:30"),
        (np.timedelta64(90 * 10**12, "ps"), "0:01:30"),
        (np.timedelta64(90 * 10**15, "fs"), "0:01:30"),
        (np.timedelta64(9 * 10**18, "as"), "0:00:09"),
        (1e-7, "0.0000001"),
        (np.float32(7.1), "7.1"),
        (np.float32(19.9), "19.9"),
        (np.float16(19.9), "19.9"),
        (np.float32(123456789), "123456790"),
        (np.float32(1e-7), "0.0000001"),
        (np.float32(-0.0), "0"),
        (1e23, "100000000000000000000000"),
        (Decimal("-0.00"), "0.00"),
        (Decimal("1E-7"), "0.0000001"),
        (np.int8(7), "7"),
        (Tier.GOLD, "1"),
        (np.str_("Ana"), "Ana"),
        (UUID("d9e428b0-7c27-4d6b-bbc0-642a6e34a201"), "d9e428b0-7c27-4d6b-bbc0-642a6e34a201"),
    ],
    ids=repr,
)
def test_a_cell_reads_as_people_expect(cell: Any, text: str) -> None:
    assert cell_text(cell) == text


@pytest.mark.parametrize(
    "cell",
    [
        [1],
        (),
        {"amount": 1},
        {1},
        b"Ana",
        bytearray(b"Ana"),
        memoryview(b"Ana"),
        np.array([1, 2]),
        np.array(1),
        pd.Series([1]),
        pd.Period("2026-05"),
        1j,
        np.complex128(1),
        object(),
    ],
    ids=lambda cell: type(cell).__name__,
)
def test_a_cell_of_another_type_is_refused_by_its_type(cell: Any) -> None:
    with pytest.raises(ValueError, match=f"^it is of type {type(cell).__name__}, which is not text, a number"):
        cell_text(cell)


@pytest.mark.parametrize("cell", [float("inf"), float("-inf"), Decimal("Infinity"), np.float32("inf")], ids=repr)
def test_an_infinite_number_is_refused(cell: Any) -> None:
    with pytest.raises(ValueError, match="^it is infinite$"):
        cell_text(cell)


# 2**64 microseconds, and nearly so: in microseconds they would overflow to dates that Python can hold.
@pytest.mark.parametrize("days", [109_000_000, 213_503_982])
def test_a_date_beyond_pythons_range_is_refused(days: int) -> None:
    with pytest.raises(ValueError, match="it is beyond the range of dates"):
        cell_text(np.datetime64(days, "D"))


@pytest.mark.parametrize(
    "cell",
    [
        np.datetime64("300000-01-01"),
        np.datetime64("-0044-03-15"),
        np.timedelta64(10**17, "D"),
        pd.Timestamp(np.datetime64("300000-01-01", "s")),
        pd.Timedelta(np.timedelta64(10**13, "s")),
        UnreadableCell(),
        10**5_000,
    ],
    ids=lambda cell: type(cell).__name__,
)
def test_a_value_that_python_cannot_hold_rejects_its_row_only_and_is_not_quoted(cell: Any) -> None:
    texts, refused = read_text_column(["Ana", cell, "Eva"])

    assert texts == ["Ana", "", "Eva"]
    assert refused[1] in ("it is beyond the range of dates", "Python cannot represent its value")


def test_a_value_that_python_cannot_hold_is_shown_as_empty_text() -> None:
    assert str(UnreadableCell()) == ""


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_float_of_32_bits_is_the_shortest_text_that_gives_the_same_one(number: float) -> None:
    cell = np.float32(number)

    text = cell_text(cell)

    assert np.float32(text) == cell
    assert len(text.strip("-0.").replace(".", "").strip("0")) <= 9


def test_an_integer_column_with_missing_values_reads_as_integers() -> None:
    cells = pd.DataFrame({"points": [10, None, 3]})["points"].tolist()

    assert read_text_column(cells) == (["10", "", "3"], {})


@pytest.mark.parametrize(
    ("column", "texts"),
    [
        (["Ana", " José "], ["Ana", "José"]),
        (["Łucja", "Ana"], ["Łucja", "Ana"]),
        ([None, "Ana"], ["", "Ana"]),
        ([None, None], ["", ""]),
        ([1, -2], ["1", "-2"]),
        ([2**70], [str(2**70)]),
        ([], []),
    ],
    ids=repr,
)
def test_a_column_of_integers_or_of_plain_texts_is_read_as_a_whole(column: list[Any], texts: list[str]) -> None:
    assert plain_texts(column) == texts


@pytest.mark.parametrize("column", [["e\u0301"], ["a\tb"], ["Ł\n"], [1, "a"], [1, None], [1.5], [True], [10**5000]])
def test_any_other_column_is_read_cell_by_cell(column: list[Any]) -> None:
    assert plain_texts(column) is None


def test_a_column_says_which_cells_cannot_be_read_and_why() -> None:
    texts, refused = read_text_column(["Ana", "a\0b", ["x"], None, 7])

    assert texts == ["Ana", "", "", "", "7"]
    assert refused.keys() == {1, 2}
    assert refused[1] == "it has a control character"


def test_combining_accents_are_composed_so_that_equal_texts_are_equal() -> None:
    assert cell_text("Pe\u0301rez") == "P\u00e9rez"


@pytest.mark.parametrize("character", ["\0", "\n", "\t", "\x1b", "\x7f", "\x85"], ids=ascii)
def test_a_control_character_is_refused(character: str) -> None:
    with pytest.raises(ValueError, match="it has a control character"):
        cell_text(f"Ana{character}Bo")


@pytest.mark.parametrize("text", ["👋🏽", "a\u200db", "٣", "a\u00a0b"], ids=ascii)
def test_an_unusual_character_is_kept(text: str) -> None:
    assert cell_text(text) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_no_float_changes_its_value(number: Any) -> None:
    assert float(cell_text(number)) == number


@given(st.text())
def test_text_reads_the_same_when_it_is_read_again(text: str) -> None:
    try:
        once = cell_text(text)
    except ValueError:
        return

    assert cell_text(once) == once


cells = st.one_of(
    st.none(),
    st.text(),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.decimals(),
    st.dates(),
    st.datetimes(),
    st.times(),
    st.timedeltas(),
    st.uuids(),
    st.binary(),
    st.lists(st.integers()),
)


@given(
    st.one_of(
        st.lists(cells),
        st.lists(st.text()),
        st.lists(st.none() | st.text(alphabet="ae\u0301 \n")),
        st.lists(st.integers()),
    )
)
def test_a_cell_reads_the_same_in_a_column_as_by_itself(column: list[Any]) -> None:
    texts, refused = read_text_column(column)

    assert [(text, refused.get(position)) for position, text in enumerate(texts)] == [
        read_alone(cell) for cell in column
    ]


@given(cells)
def test_any_cell_is_clean_text_without_python_syntax_or_refused(cell: Any) -> None:
    try:
        text = cell_text(cell)
    except ValueError:
        return

    assert text == text.strip()
    assert "\0" not in text
    assert not text.startswith(("[", "b'", "datetime", "Decimal", "UUID")) or isinstance(cell, str)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4))
def test_no_decimal_changes_its_value_or_its_digits(number: Decimal) -> None:
    assert Decimal(cell_text(number)) == number
    assert number.is_zero() or cell_text(number) == str(number)
