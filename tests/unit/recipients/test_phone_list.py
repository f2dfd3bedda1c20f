"""Lists of phones that must not be messaged: one cell that cannot be read refuses them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.recipients.phone_list import read_phone_list
from airflow_provider_rcs.recipients.phones import PhoneRules


def read(*chunks: list[Any], region: str | None = "ES") -> set[str]:
    return read_phone_list("exclude_sql", chunks, PhoneRules(region))


def test_the_phones_of_all_chunks_are_read_each_once() -> None:
    assert read(["+34 600 000 001", "600000002"], [34600000002]) == {"+34600000001", "+34600000002"}


def test_an_empty_list_names_nobody() -> None:
    assert read() == set()


@pytest.mark.parametrize(
    ("cell", "region"),
    [
        ("600000001", None),
        (1234, "ES"),
        ("b7d3c1a0-11aa-4b5e-9d5e-0d7c2b9f1a11", "ES"),
        ("600000001 / 600000002", "ES"),
        ("912345678", "ES"),
        ("+34 912 345 678", None),
        (600000001.5, "ES"),
    ],
    ids=repr,
)
def test_a_cell_that_is_no_phone_of_a_mobile_refuses_the_list(cell: Any, region: str | None) -> None:
    with pytest.raises(RcsInputError, match=r"^exclude_sql: 1 of 3 rows cannot be read .*set default_region"):
        read(["+34600000001", "+34600000002", cell], region=region)


@pytest.mark.parametrize("cell", [None, "", "NULL", float("nan")])
def test_a_missing_cell_refuses_the_list_with_its_own_remedy(cell: Any) -> None:
    with pytest.raises(RcsInputError, match=r"1 of 2 rows .*it is missing\. .*WHERE phone IS NOT NULL\."):
        read(["+34600000001", cell])


def test_the_error_names_the_first_row_with_its_value_masked() -> None:
    with pytest.raises(RcsInputError) as refused:
        read(["+34600000001"], ["+34600000002", "600 000"], [None, "x"])

    assert re.match(r"exclude_sql: 3 of 5 rows cannot be read .* row 3, value '\*{4}000': it is", str(refused.value))


def test_fixed_lines_that_name_their_country_are_read_where_they_are_messaged() -> None:
    rules = PhoneRules("ES", mobile_only=False)

    assert read_phone_list("exclude_sql", [["+34912345678"]], rules) == {"+34912345678"}
    with pytest.raises(RcsInputError, match="1 of 1 rows cannot be read .* it is a fixed line"):
        read_phone_list("exclude_sql", [["912345678"]], rules)


def test_phones_that_a_32_bit_float_has_rounded_refuse_the_list() -> None:
    with pytest.raises(RcsInputError, match="^exclude_sql: 20 of 20 phones are rounded"):
        read([600000000] * 20)


def test_the_error_comes_after_the_whole_list_was_read() -> None:
    read_chunks: list[int] = []

    def chunks() -> Iterator[list[object]]:
        for number in range(3):
            read_chunks.append(number)
            yield ["x"]

    with pytest.raises(RcsInputError, match="3 of 3 rows"):
        read_phone_list("exclude_sql", chunks(), PhoneRules())

    assert read_chunks == [0, 1, 2]


def test_the_error_has_the_remedy_of_each_kind_of_cell_that_cannot_be_read() -> None:
    with pytest.raises(RcsInputError) as refused:
        read([None, "912345678"])

    assert str(refused.value) == (
        "exclude_sql: 2 of 2 rows cannot be read as the phone of a mobile, so that it is unknown who must not be "
        "messaged. Nothing was sent or recorded. The first is row 1, value '': it is missing. Write phones with + and "
        "the country code; for national phones, set default_region. Leave out rows that hold no phone of a mobile with "
        "a WHERE. Leave out rows without a phone: WHERE phone IS NOT NULL."
    )


def test_the_error_says_why_a_fixed_line_may_be_the_phone_of_a_mobile() -> None:
    with pytest.raises(RcsInputError, match="value .*678': it is a fixed line, and may be a mobile written without"):
        read(["912345678"])
