"""Columns are found in any case, and shown in errors without recipients."""

from __future__ import annotations

import re
from typing import Any

import pytest

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.recipients.column_names import (
    find_column,
    list_columns,
    require_distinct_columns,
    require_same_columns,
)


@pytest.mark.parametrize("column", ["name", "NAME", "Name"])
def test_a_column_is_found_in_any_case(column: str) -> None:
    assert find_column("name_column", "name", ["phone", column]) == column


def test_an_accented_column_is_found_in_any_case() -> None:
    assert find_column("name_column", "TELÉFONO", ["teléfono"]) == "teléfono"


def test_a_column_that_does_not_exist_is_not_found() -> None:
    assert find_column("name_column", "name", ["phone", "names"]) is None


@pytest.mark.parametrize("columns", [["phone", "PHONE"], ["Phone", "pHONE"]])
def test_two_columns_that_differ_only_in_case_are_refused_even_if_one_is_spelled_exactly_so(columns: Any) -> None:
    with pytest.raises(RcsInputError) as refused:
        find_column("phone_column", "phone", columns)

    assert str(refused.value) == (
        f"phone_column: {columns[0]!r}, {columns[1]!r} differ only in upper and lower case, so which of them is column "
        "'phone' is not certain. Rename all but one of them."
    )


def test_columns_of_the_same_name_are_refused_with_their_names_and_places() -> None:
    with pytest.raises(RcsInputError) as refused:
        require_distinct_columns("sql", ["phone", "name", "phone", "id", "name", "name"], "Give one an alias.")

    assert str(refused.value) == (
        "sql: two columns have the same name: 'phone', 'name' (columns 1 and 3; 2 and 5 and 6). Give one an alias."
    )


def test_parts_may_have_the_same_columns_in_another_order() -> None:
    require_same_columns("recipients", "part 2", ["phone", "name"], ["name", "phone"])


def test_a_part_with_other_columns_is_refused_with_the_difference() -> None:
    with pytest.raises(RcsInputError) as refused:
        require_same_columns("recipients", "part 2", ["phone", "name"], ["phone", "NAME"])

    assert str(refused.value) == (
        "recipients: part 2 has other columns than the first one: it lacks 'name' and it adds 'NAME'. Give all parts "
        "the same columns."
    )


@pytest.mark.parametrize(
    "names",
    [
        ["Ana", "34600000001"],
        ["Ana", "+34 (600) 00-00-01"],
        ["Ana", "https://example.org/ana"],
        ["Ana", "two\nlines"],
        ["Ana", "x" * 129],
    ],
    ids=str,
)
def test_a_row_of_recipients_in_place_of_a_header_is_not_shown(names: list[str]) -> None:
    assert list_columns(names) == "(not shown, because they look like a row of recipients: is the header missing?)"


@pytest.mark.parametrize("name", ["sales_2026-01-01", "q1 2026", "2026", "variable 1", "e-mail", "x" * 128])
def test_usual_names_of_columns_are_shown(name: str) -> None:
    assert list_columns(["phone", name]) == f"'phone', {name!r}"


def test_a_source_without_columns_is_shown_as_such() -> None:
    assert list_columns([]) == "none"


def test_columns_of_the_same_name_in_a_row_of_recipients_are_not_shown() -> None:
    with pytest.raises(RcsInputError, match="is the header missing") as refused:
        require_distinct_columns("csv", ["Ana", "34600000001", "Ana"], "Give one an alias.")

    assert "Ana" not in str(refused.value)


@pytest.mark.parametrize("part", [["34600000001", "Eva"], ["34600000001", "Ana", "Eva"], ["34600000001"]], ids=len)
def test_the_columns_in_which_rows_of_recipients_differ_are_not_shown(part: list[str]) -> None:
    with pytest.raises(RcsInputError, match="is the header missing") as refused:
        require_same_columns("recipients", "part 2", ["34600000001", "Ana"], part)

    assert not {"Ana", "Eva"} & set(re.findall(r"\w+", str(refused.value)))
