"""Phones in every notation that warehouses have, as digits."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_rcs.recipients.phone_cells import PhoneError, written_phone

MISSING = [
    None,
    float("nan"),
    np.nan,
    pd.NA,
    pd.NaT,
    Decimal("NaN"),
    "",
    "   ",
    "\u00a0",
    "nan",
    "NULL",
    "<NA>",
    "#N/A",
]


@pytest.mark.parametrize(
    "cell",
    [
        "+34600000001",
        "  +34 600 00 00 01  ",
        "+34-600-000-001",
        "+34 (600) 000.001",
        "(+34) 600 000 001",
        "+34\u00a0600\u00a0000\u00a0001",
        "+34\u202f600\u2009000\u2009001",
        "+34 600\u2010000\u2011001",
        "+34 600\u2013000\u2014001",
        "[+34] 600/000/001",
        "\u202a+34 600 000 001\u202c",
        "\ufeff+34600000001\u200b",
        "+34\u00ad600\u200b000001",
        "\uff0b\uff13\uff14\uff16\uff10\uff10\uff10\uff10\uff10\uff10\uff10\uff11",
        "'+34600000001",
        "\u2019+34600000001",
        "tel:+34-600-000-001",
        "TEL: +34600000001",
        "whatsapp:+34600000001",
        "+34600000001.0",
    ],
    ids=ascii,
)
def test_a_phone_with_a_plus_is_read_in_every_notation(cell: str) -> None:
    assert written_phone(cell) == "+34600000001"


@pytest.mark.parametrize(
    "cell",
    [
        "600000001",
        "600.000.001",
        "600000001.0",
        "600000001.00",
        600000001,
        600000001.0,
        np.int64(600000001),
        np.float64(600000001),
        Decimal(600000001),
        Decimal("600000001.00"),
    ],
    ids=repr,
)
def test_digits_alone_stay_digits_whatever_held_them(cell: Any) -> None:
    assert written_phone(cell) == "600000001"


@pytest.mark.parametrize("cell", MISSING, ids=repr)
def test_a_cell_without_a_phone_is_missing(cell: Any) -> None:
    with pytest.raises(PhoneError, match=r"^it is missing$"):
        written_phone(cell)


FRACTION = "it is a number with a fraction, not a phone"
NO_PHONE = "it is not a phone number"
TWO_PHONES = "it has more than one phone"
EXTENSION = "it has an extension"
SCIENTIFIC = "it is in scientific notation, which has lost digits; cast the column to BIGINT or text"


@pytest.mark.parametrize(
    ("cell", "rule"),
    [
        (34600000001.5, "it is not a whole number"),
        (float("inf"), "it is not a whole number"),
        (Decimal("1E+5000"), "it is not a whole number"),
        (-600000001, "it is not a whole number"),
        (True, "it is a boolean, not a phone"),
        (["34600000001"], "it is a list, not text"),
        (datetime(2026, 5, 1, tzinfo=UTC), "it is a datetime, not text"),
        (b"34600000001", "it is a bytes, not text"),
        (np.timedelta64(34600000001, "s"), "it is a timedelta64, not text"),
        (np.array([34600000001]), "it is a ndarray, not text"),
        (np.float32(600000000), "it is a float32, which rounds phones; read the column as text or as BIGINT"),
        (np.float16(60000), "it is a float16, which rounds phones; read the column as text or as BIGINT"),
        ("600000001.5", FRACTION),
        ("+34600000001.5", FRACTION),
        ("+34 600000001.0", FRACTION),
        ("600 000 001.0", FRACTION),
        ("3.4600000001E+10", SCIENTIFIC),
        ("3,46e10", SCIENTIFIC),
        ("600 000 001 ext. 5", EXTENSION),
        ("+34 600 000 001 x123", EXTENSION),
        ("+34600000001;ext=123", EXTENSION),
        ("600000001#5", EXTENSION),
        ("600000001-12", EXTENSION),
        ("0664 1234567\u201312", EXTENSION),
        ("0664 1234567 - 12", EXTENSION),
        ("0664 1234567 (12)", EXTENSION),
        ("0664 123456 (12)", EXTENSION),
        ("600 000 001 / 600 000 002", TWO_PHONES),
        ("+34 600 000 001 / +34 600 000 002", TWO_PHONES),
        ("600000001 600000002", TWO_PHONES),
        ("600000001;600000002", TWO_PHONES),
        ("600000001,600000002", TWO_PHONES),
        ("600000001\n600000002", TWO_PHONES),
        ("600 00 00 01 o 600 00 00 02", TWO_PHONES),
        ("600 000 001 - 600 000 002", TWO_PHONES),
        ("600 000 001/02", TWO_PHONES),
        ("600 000 001/2", TWO_PHONES),
        ("600 - 000 001/02", TWO_PHONES),
        ("6000001 6000002", TWO_PHONES),
        ("600 0001 / 600 000 002 2", TWO_PHONES),
        ("+34 60012 +34 60013", TWO_PHONES),
        ("600000001 tel:", NO_PHONE),
        ("600000001,0", NO_PHONE),
        ("-600000001", NO_PHONE),
        ("\u2212600000001", NO_PHONE),
        ("600+000001", NO_PHONE),
        ("ana@example.com", NO_PHONE),
        ("1-800-FLOWERS", NO_PHONE),
        ("+34 600 000 001\u00b2", NO_PHONE),
        ("\u0663\u0664\u0666\u0660\u0660\u0660\u0660\u0660\u0660\u0660\u0661", NO_PHONE),
        ("+", NO_PHONE),
    ],
    ids=repr,
)
def test_what_is_not_one_phone_is_refused_with_the_reason(cell: Any, rule: str) -> None:
    with pytest.raises(PhoneError) as refused:
        written_phone(cell)

    assert str(refused.value) == rule


@pytest.mark.parametrize(
    "cell", ["0171/1234567", "0171 123/4567", "600000001/", "+49 171/1234567", "06/12/34/56/78", "0049 1512/3456789"]
)
def test_a_slash_between_the_parts_of_one_phone_is_no_second_phone(cell: str) -> None:
    assert written_phone(cell) == "".join(character for character in cell if character not in " /")


@given(st.text(st.sampled_from("0123456789+ .-()/'x~"), max_size=40))
def test_a_phone_in_writing_is_digits_after_an_optional_plus(cell: str) -> None:
    try:
        written = written_phone(cell)
    except PhoneError:
        return

    assert written.removeprefix("+").isdecimal()
    of_cell = iter(cell)
    assert all(each in of_cell for each in written.removeprefix("+"))


@given(st.integers(10**6, 10**15).map(str))
def test_a_float_columns_text_is_the_number_before_its_point(digits: str) -> None:
    assert written_phone(f"{digits}.0") == written_phone(float(digits)) == digits


@pytest.mark.parametrize("cell", [0, 0.0, Decimal(0)], ids=repr)
def test_zero_is_the_digit_zero(cell: Any) -> None:
    assert written_phone(cell) == "0"


@pytest.mark.parametrize("cell", [600000001.5, float("inf"), np.float32(600000000), "600000001.5", "6.0E+8"], ids=repr)
def test_a_number_that_is_no_whole_phone_is_read_as_one_that_has_lost_digits(cell: Any) -> None:
    with pytest.raises(PhoneError) as refused:
        written_phone(cell)

    assert refused.value.reading == "a number that has lost digits"


def test_only_the_first_zero_in_brackets_is_the_one_that_is_dialled_inside_a_country() -> None:
    assert written_phone("+34 (0) 600 (0)00 001") == "+34600000001"
