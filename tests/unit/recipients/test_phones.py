"""Phones in every notation that warehouses have."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_rcs.recipients.phones import PhoneError, could_be_phone, phone_text, read_phone, read_phone_column

MISSING = [None, float("nan"), np.nan, pd.NA, pd.NaT, Decimal("NaN"), "", "   ", "\u00a0"]


LONGEST_E164 = 15


def read_alone(cell: Any, region: str | None) -> tuple[str | None, str | None]:
    """Return a cell's phone and what is wrong with it, read by itself."""
    try:
        return read_phone(cell, region), None
    except PhoneError as error:
        return None, str(error)


@pytest.mark.parametrize(
    "phone",
    [
        "34600000001",
        "+34600000001",
        "+34 600 000 001",
        "  +34 600 00 00 01  ",
        "0034600000001",
        "00 34 600 000 001",
        "+34-600-000-001",
        "+34 (600) 000.001",
        "(+34) 600 000 001",
        "+34\u00a0600\u00a0000\u00a0001",
        "+34\u202f600\u2009000\u2009001",
        "+34 600\u2010000\u2011001",
        "+34 600\u2013000\u2014001",
        "+34 600\u2212000\u2212001",
        "[+34] 600/000/001",
        "\u202a+34 600 000 001\u202c",
        "\ufeff34600000001\u200b",
        "\uff0b\uff13\uff14\uff16\uff10\uff10\uff10\uff10\uff10\uff10\uff10\uff11",
        "\uff13\uff14\uff16\uff10\uff10\uff10\uff10\uff10\uff10\uff10\uff11",
        34600000001,
        34600000001.0,
        np.int64(34600000001),
        np.float64(34600000001),
        Decimal(34600000001),
        Decimal("34600000001.00"),
    ],
    ids=ascii,
)
def test_an_international_phone_is_read_in_every_notation(phone: str) -> None:
    assert read_phone(phone) == "+34600000001"


@pytest.mark.parametrize(
    "phone", ["600000001", "600 00 00 01", "600-000-001", 600000001, 600000001.0, "34600000001", "+34600000001"]
)
def test_a_national_phone_is_read_in_the_default_region(phone: str) -> None:
    assert read_phone(phone, "ES") == "+34600000001"


def test_plain_digits_that_are_not_national_are_read_as_an_international_phone() -> None:
    assert read_phone("447400123456", "ES") == "+447400123456"


def test_an_international_phone_keeps_its_country() -> None:
    assert read_phone("+44 7400 123456", "ES") == "+447400123456"


def test_the_national_zero_of_an_international_phone_is_dropped() -> None:
    assert read_phone("+44 (0)7400 123456") == "+447400123456"


def test_a_leading_zero_that_belongs_to_the_number_is_kept() -> None:
    assert read_phone("+39 06 1234 5678") == "+390612345678"


def test_a_fixed_line_is_a_valid_phone_and_left_to_the_service() -> None:
    assert read_phone("912 345 678", "ES") == "+34912345678"


@pytest.mark.parametrize("cell", MISSING, ids=repr)
def test_a_cell_without_a_phone_is_rejected_as_missing(cell: Any) -> None:
    with pytest.raises(PhoneError, match=r"^it is missing$"):
        read_phone(cell)


@pytest.mark.parametrize(
    ("cell", "rule"),
    [
        (34600000001.5, "it is not a whole number"),
        (float("inf"), "it is not a whole number"),
        (Decimal("Infinity"), "it is not a whole number"),
        (Decimal("600000001.5"), "it is not a whole number"),
        (True, "it is a boolean, not a phone"),
        (["34600000001"], "it is a list, not text"),
        (datetime(2026, 5, 1, tzinfo=UTC), "it is a datetime, not text"),
        (b"34600000001", "it is a bytes, not text"),
        ("ana@example.com", "it is not a phone number"),
        ("600 000 001 ext. 5", "it is not a phone number"),
        ("+34 600 000 001 x123", "it is not a phone number"),
        ("+34 600 000 001;ext=123", "it is not a phone number"),
        ("1-800-FLOWERS", "it is not a phone number"),
        ("+34 600 000 001\u00b2", "it is not a phone number"),
        ("\u0663\u0664\u0666\u0660\u0660\u0660\u0660\u0660\u0660\u0660\u0661", "it is not a phone number"),
        ("+", "it is not a phone number"),
        (np.timedelta64(34600000001, "s"), "it is a timedelta64, not text"),
        (np.array([34600000001]), "it is a ndarray, not text"),
        (Decimal("1E+5000"), "it is not a whole number"),
        ("3.4600000001E+10", "it is not a phone number"),
        ("+34 600 000 001 / +34 600 000 002", "it is not a phone number"),
        ("+34600", "it is not a valid international number"),
        ("0000000000", "it is not a valid international number"),
        ("+34 750 000 001", "it is not a valid international number"),
    ],
    ids=repr,
)
def test_a_rejection_names_the_rule_that_the_phone_breaks(cell: Any, rule: str) -> None:
    with pytest.raises(PhoneError, match=f"^{rule}$"):
        read_phone(cell)


def test_a_national_phone_without_a_region_is_rejected_with_the_remedy() -> None:
    with pytest.raises(PhoneError, match="set default_region if it is a national one"):
        read_phone("600000001")


def test_a_phone_valid_neither_as_national_nor_international_says_so() -> None:
    with pytest.raises(PhoneError, match=r"^it is valid neither in ES nor as an international number$"):
        read_phone("12345", "ES")


@pytest.mark.parametrize(
    ("phone", "region", "digits"),
    [
        ("+1 (242) 359-1234", None, "12423591234"),
        ("(242) 359-1234", "US", "12423591234"),
        ("359-1234", "BS", "12423591234"),
        ("8 701 123 45 67", "RU", "77011234567"),
        ("+7 916 123-45-67", "KZ", "79161234567"),
        ("07700 900 123", "GB", None),
        ("07624 300123", "GB", "447624300123"),
        ("+39 06 698 12345", None, "390669812345"),
        ("06 1234 5678", "IT", "390612345678"),
        ("347 123 4567", "IT", "393471234567"),
        ("0347 123 4567", "IT", None),
        ("011 15 2345-6789", "AR", "5491123456789"),
        ("+54 11 15 2345-6789", None, "5491123456789"),
        ("+54 9 11 2345-6789", None, "5491123456789"),
        ("+54 11 2345-6789", None, "541123456789"),
        ("55 1234 5678", "MX", "525512345678"),
        ("+52 55 1234 5678", None, "525512345678"),
        ("+52 1 55 1234 5678", None, None),
    ],
)
def test_shared_codes_leading_zeros_and_mobile_prefixes_follow_their_countries_rules(
    phone: str, region: str | None, digits: str | None
) -> None:
    assert read_phone_column([phone], region).phones == [digits and f"+{digits}"]


def test_a_column_is_read_cell_by_cell() -> None:
    read = read_phone_column(["600 000 001", None, 912345678, "x", "+447400123456"], "ES")

    assert read.phones == ["+34600000001", None, "+34912345678", None, "+447400123456"]
    assert read.refused == {1: "it is missing", 3: "it is not a phone number"}
    assert read.fixed_lines == [2]


@pytest.mark.parametrize(
    ("phone", "is_fixed_line"),
    [
        ("34912345678", True),
        ("+34 912 345 678", True),
        ("34600000001", False),
        ("+12125550123", False),  # fixed lines and mobiles share their number ranges
        ("525512345678", False),
        ("390612345678", True),
        ("+54 11 2345-6789", True),
        ("34900123456", False),  # toll-free, which is not a fixed line to phonenumbers
    ],
)
def test_a_fixed_line_is_one_that_cannot_be_a_mobile(phone: str, is_fixed_line: bool) -> None:
    assert read_phone_column([phone]).fixed_lines == ([0] if is_fixed_line else [])


@given(
    st.lists(st.one_of(st.text(), st.integers(), st.floats(), st.none(), st.from_regex(r"\+?[0-9 ]+", fullmatch=True))),
    st.sampled_from([None, "ES", "US", "FR"]),
)
def test_a_cell_reads_the_same_in_a_column_as_by_itself(cells: list[Any], region: str | None) -> None:
    read = read_phone_column(cells, region)

    assert [(phone, read.refused.get(position)) for position, phone in enumerate(read.phones)] == [
        read_alone(cell, region) for cell in cells
    ]


@given(st.from_regex(r"\+999[0-9 ()-]{5,20}|[0-9]{8,12}x", fullmatch=True))
def test_a_rejection_never_contains_the_phone(phone: str) -> None:
    with pytest.raises(PhoneError) as rejected:
        read_phone(phone, "ES")

    assert not any(character.isdigit() for character in str(rejected.value))


@given(st.one_of(st.text(), st.integers(), st.floats(), st.decimals(allow_nan=False), st.booleans(), st.none()))
def test_any_cell_is_read_in_e164_or_rejected(cell: Any) -> None:
    try:
        phone = read_phone(cell, "ES")
    except PhoneError:
        return

    assert phone.isascii()
    assert phone.startswith("+")
    assert phone[1:].isdigit()


@pytest.mark.parametrize("phone", ["+4930111111111111", "+49301111111111111", "+4918122222222222"])
def test_a_phone_longer_than_e164_allows_is_rejected(phone: str) -> None:
    assert len(phone.removeprefix("+")) > LONGEST_E164

    with pytest.raises(PhoneError):
        read_phone(phone)


def test_the_text_of_a_missing_pandas_value_is_missing() -> None:
    assert phone_text("<NA>") == phone_text("NaT") == ""


@pytest.mark.parametrize("text", ["600000001", "0600 000 001", "34600000001", "0034 600-000-001", "tel. 600 00 00 01"])
def test_a_text_with_the_digits_of_a_phone_could_be_that_phone(text: str) -> None:
    assert could_be_phone(text, "+34600000001")


@pytest.mark.parametrize("text", ["", "600000002", "60000000", "44600000001", "34600000001 or 34600000002"])
def test_a_text_with_other_digits_could_not_be_that_phone(text: str) -> None:
    assert not could_be_phone(text, "+34600000001")
