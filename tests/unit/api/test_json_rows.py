"""JSON written from columns of text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_rcs.api.json_rows import (
    all_of,
    array_of_rows,
    between_quotes,
    columns_of,
    empty_as_none,
    pieces_of_texts,
    pieces_of_variables,
    rows_of,
)


def test_fixed_pieces_are_repeated_between_the_cells_of_each_row() -> None:
    assert array_of_rows(["<", ["a", "b"], "-", "-", ["1", ""], ">"], 2) == "[<a--1>,<b-->]"


def test_rows_may_consist_of_a_single_column() -> None:
    assert array_of_rows([["1", "2", "3"]], 3) == "[1,2,3]"


def test_no_rows_make_an_empty_array() -> None:
    assert array_of_rows(["<", [], ">"], 0) == "[]"


@given(st.lists(st.none() | st.text(max_size=5)))
def test_a_column_of_texts_reads_back_unchanged(cells: list[str | None]) -> None:
    assert json.loads(array_of_rows(pieces_of_texts(cells), len(cells))) == cells


@given(st.lists(st.dictionaries(st.sampled_from(["a", 'b"']), st.text(max_size=5))))
def test_variables_read_back_unchanged(rows: list[dict[str, str]]) -> None:
    assert json.loads(array_of_rows(pieces_of_variables(columns_of(rows), len(rows)), len(rows))) == rows


@given(st.lists(st.text() | st.text(alphabet='",\\\n\x7f\u2028é')))
def test_a_text_between_quotes_reads_back_unchanged(cells: list[str]) -> None:
    assert [json.loads(f'"{text}"') for text in between_quotes(cells)] == cells


def test_texts_with_nothing_to_escape_are_not_copied() -> None:
    cells = ["Núria", ""]

    assert between_quotes(cells) is cells


def test_a_surrogate_cannot_be_written() -> None:
    with pytest.raises(TypeError):
        between_quotes(["\ud83d"])


def test_a_column_has_none_for_rows_without_its_variable() -> None:
    assert columns_of([{"Amount": "7"}, {}, {"Shop": "Madrid"}]) == {
        "Amount": ["7", None, None],
        "Shop": [None, None, "Madrid"],
    }


@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.text(max_size=2))))
def test_rows_survive_being_stored_as_columns(rows: list[dict[str, str]]) -> None:
    assert rows_of(columns_of(rows), len(rows)) == rows


def test_only_a_column_without_missing_values_is_returned_as_complete() -> None:
    assert all_of(["7", ""]) == ["7", ""]
    assert all_of(["7", None]) is None


def test_an_empty_text_becomes_none() -> None:
    assert empty_as_none(["7", ""]) == ["7", None]
