"""Cells of a warehouse as text."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_rcs.api.values import as_text, is_missing

NOTHING = [None, float("nan"), np.nan, pd.NA, pd.NaT, Decimal("NaN"), np.datetime64("NaT")]


@pytest.mark.parametrize("cell", NOTHING, ids=repr)
def test_a_cell_that_holds_nothing_is_missing(cell: Any) -> None:
    assert is_missing(cell)


@pytest.mark.parametrize("cell", NOTHING, ids=repr)
def test_a_cell_that_holds_nothing_is_empty_text(cell: Any) -> None:
    assert as_text(cell) == ""


@pytest.mark.parametrize("cell", ["", 0, 0.0, False, " ", Decimal(0)], ids=repr)
def test_a_cell_that_holds_something_falsy_is_not_missing(cell: Any) -> None:
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
        (datetime(2026, 5, 1, 9, 30, 15, 999999, tzinfo=UTC), "2026-05-01 09:30:15+00:00"),
        (pd.Timestamp("2026-05-01 09:30"), "2026-05-01 09:30:00"),
    ],
    ids=repr,
)
def test_a_cell_reads_as_a_person_expects(cell: Any, text: str) -> None:
    assert as_text(cell) == text


def test_letters_and_their_accents_are_composed_so_that_equal_texts_are_equal() -> None:
    assert as_text("Pe\u0301rez") == "P\u00e9rez"


@pytest.mark.parametrize("character", ["\0", "\n", "\t", "\x1b", "\x7f", "\x85"], ids=ascii)
def test_a_control_character_is_refused(character: str) -> None:
    with pytest.raises(ValueError, match="it has a control character"):
        as_text(f"Ana{character}Bo")


@pytest.mark.parametrize("text", ["👋🏽", "a\u200db", "٣", "a\u00a0b"], ids=ascii)
def test_what_is_unusual_but_no_control_character_is_kept(text: str) -> None:
    assert as_text(text) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_no_float_changes_its_value_on_the_way(number: Any) -> None:
    assert float(as_text(number)) == number


@given(st.text())
def test_text_reads_the_same_when_it_is_read_again(text: str) -> None:
    try:
        once = as_text(text)
    except ValueError:
        return

    assert as_text(once) == once
