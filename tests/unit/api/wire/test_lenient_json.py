"""The forms in which replies were seen are read alike."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_rcs.api.wire import lenient_json


@pytest.mark.parametrize("body", [b'{"Res": 1}', b'[{"Res": 1}]', b' {"RES": 1}\n', b'[{"res": 1}]'])
def test_an_object_reads_the_same_wrapped_or_not_and_in_any_case(body: bytes) -> None:
    assert lenient_json.read_object(body) == {"res": 1}


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"Res": '])
def test_a_body_that_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):
        lenient_json.read_object(body)


@pytest.mark.parametrize("body", [b"7", b"[]", b'[{"Res": 1}, {"Res": 1}]', b"null", b'"text"'])
def test_a_body_that_is_not_an_object_is_refused(body: bytes) -> None:
    with pytest.raises(TypeError):
        lenient_json.read_object(body)


@pytest.mark.parametrize(
    "value",
    [[{"A": 1}, {"a": 2}], '[{"A": 1}, {"a": 2}]', {"0": {"A": 1}, "3": {"a": 2}}, ' {"0": {"A": 1}, "3": {"a": 2}}'],
    ids=str,
)
def test_entries_read_the_same_as_a_list_or_numbered_and_as_text(value: Any) -> None:
    assert lenient_json.entries(value) == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize("value", [None, 7, "7", ""], ids=repr)
def test_a_field_that_is_not_a_list_has_no_entries(value: Any) -> None:
    assert lenient_json.entries(value) is None


@pytest.mark.parametrize(("value", "read"), [(7, 7), ("7", 7), (" 7 ", 7), ("-3", -3)])
def test_a_number_may_be_text(value: Any, read: int) -> None:
    assert lenient_json.integer(value) == lenient_json.count(value) == read


@pytest.mark.parametrize("value", [True, 1.5, None, [1], {}], ids=repr)
def test_a_value_of_another_kind_is_not_a_number(value: Any) -> None:
    with pytest.raises(TypeError):
        lenient_json.integer(value)


@pytest.mark.parametrize("value", [None, ""], ids=repr)
def test_a_missing_count_is_zero(value: Any) -> None:
    assert lenient_json.count(value) == 0


def test_characters_that_no_database_stores_are_left_out_of_texts() -> None:
    assert lenient_json.text("m\0-1 \ud800\u00fa") == "m-1 \u00fa"


@pytest.mark.parametrize(("value", "read"), [("x", "x"), (7, "7"), (None, ""), ([1], "[1]"), (True, "true")])
def test_any_value_can_be_read_as_text(value: Any, read: str) -> None:
    assert lenient_json.text(value) == read
