"""JSON put together from columns of text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_rcs.api.json_rows import between_quotes, text_of_rows


def test_what_is_the_same_in_each_row_stands_between_what_is_not() -> None:
    assert text_of_rows(["<", ["a", "b"], "-", ["1", "2"], ">"], 2) == "<a-1><b-2>"


def test_no_rows_are_no_text() -> None:
    assert text_of_rows(["<", [], ">"], 0) == ""


@given(st.lists(st.text() | st.text(alphabet='",\\\n\x7f\u2028é')))
def test_a_text_between_quotes_reads_as_what_it_was(cells: list[str]) -> None:
    assert [json.loads(f'"{text}"') for text in between_quotes(cells)] == cells


def test_texts_with_nothing_to_escape_are_not_copied() -> None:
    cells = ["Núria", ""]

    assert between_quotes(cells) is cells


def test_half_of_a_character_cannot_be_written() -> None:
    with pytest.raises(TypeError):
        between_quotes(["\ud83d"])
