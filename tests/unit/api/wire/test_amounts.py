"""Amounts of credit are read in the notation of Spain and of programs."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_rcs.api.wire.amounts import read_amount
from airflow_provider_rcs.api.wire.lenient_json import JsonNumber


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("7", 7),
        (" 7 ", 7),
        ("12.50", 12.5),
        ("12,50", 12.5),
        ("12,5", 12.5),
        ("14.970,00", 14970),
        ("14,970.00", 14970),
        ("14.970", 14970),
        ("14,970", 14.97),
        ("1.234.567", 1234567),
        ("1.234.567,5", 1234567.5),
        ("1,234,567", 1234567),
        ("0.125", 0.125),
        ("1234.567", 1234.567),
        ("-1", -1),
        ("-14.970,50", -14970.5),
        ("+3", 3),
    ],
)
def test_an_amount_is_read_in_each_notation(text: str, amount: float) -> None:
    assert read_amount(text) == amount


@pytest.mark.parametrize(("number", "amount"), [("14.970", 14.97), ("14970", 14970), ("1E3", 1000)])
def test_a_number_of_a_json_text_is_read_as_json(number: str, amount: float) -> None:
    assert read_amount(JsonNumber(number)) == amount


@pytest.mark.parametrize(
    "value", ["", "x", "1.2.3", "1,2,3", "1.23,45.6", "12,", ".5", "1e999", "nan", "inf", "1 000", None, True, [1]]
)
def test_what_is_no_amount_is_none(value: Any) -> None:
    assert read_amount(value) is None


@given(st.integers(-(10**9), 10**9), st.integers(0, 99))
def test_every_amount_is_read_as_spain_writes_it(whole: int, cents: int) -> None:
    written = f"{whole:,}".replace(",", ".") + f",{cents:02}"

    amount = read_amount(written)

    assert amount is not None
    assert math.isclose(abs(amount), abs(whole) + cents / 100)
