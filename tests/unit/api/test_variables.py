"""Values of variables by row and by column."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_rcs.api.json_rows import all_of, columns_of, rows_of, with_nothing_for_empty


def test_a_column_holds_nothing_for_those_who_lack_its_variable() -> None:
    assert columns_of([{"Amount": "7"}, {}, {"Shop": "Madrid"}]) == {
        "Amount": ["7", None, None],
        "Shop": [None, None, "Madrid"],
    }


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.text(max_size=2))))
def test_columns_tell_of_every_row_what_the_row_did(rows: list[dict[str, str]]) -> None:
    assert rows_of(columns_of(rows), len(rows)) == rows


def test_a_column_that_everybody_has_is_told_from_one_with_somebody_left_out() -> None:
    assert all_of(["7", ""]) == ["7", ""]
    assert all_of(["7", None]) is None


def test_an_empty_text_is_no_value() -> None:
    assert with_nothing_for_empty(["7", ""]) == ["7", None]
