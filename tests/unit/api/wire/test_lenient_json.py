"""The shapes in which replies were seen, read alike."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_rcs.api.wire import lenient_json as shapes


@pytest.mark.parametrize("body", [b'{"Res": 1}', b'[{"Res": 1}]', b' {"RES": 1}\n', b'[{"res": 1}]'])
def test_an_object_reads_the_same_wrapped_or_not_and_in_any_case(body: bytes) -> None:
    assert shapes.read_object(body) == {"res": 1}


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"Res": '])
def test_what_is_not_json_is_no_object(body: bytes) -> None:
    with pytest.raises(ValueError):
        shapes.read_object(body)


@pytest.mark.parametrize("body", [b"7", b"[]", b'[{"Res": 1}, {"Res": 1}]', b"null", b'"text"'])
def test_json_of_another_kind_is_no_object(body: bytes) -> None:
    with pytest.raises(TypeError):
        shapes.read_object(body)


@pytest.mark.parametrize(
    "value",
    [[{"A": 1}, {"a": 2}], '[{"A": 1}, {"a": 2}]', {"0": {"A": 1}, "3": {"a": 2}}, ' {"0": {"A": 1}, "3": {"a": 2}}'],
    ids=str,
)
def test_entries_read_the_same_as_a_list_or_numbered_and_as_text(value: Any) -> None:
    assert shapes.entries(value) == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize("value", [None, 7, "7", ""], ids=repr)
def test_a_field_that_holds_no_list_has_no_entries(value: Any) -> None:
    assert shapes.entries(value) is None


@pytest.mark.parametrize(("value", "read"), [(7, 7), ("7", 7), (" 7 ", 7), ("-3", -3)])
def test_a_number_may_be_text(value: Any, read: int) -> None:
    assert shapes.integer(value) == shapes.count(value) == read


@pytest.mark.parametrize("value", [True, 1.5, None, [1], {}], ids=repr)
def test_a_value_of_another_kind_is_no_number(value: Any) -> None:
    with pytest.raises(TypeError):
        shapes.integer(value)


@pytest.mark.parametrize("value", [None, ""], ids=repr)
def test_a_count_that_is_left_out_is_none(value: Any) -> None:
    assert shapes.count(value) == 0


@pytest.mark.parametrize(("value", "read"), [("x", "x"), (7, "7"), (None, ""), ([1], "[1]"), (True, "true")])
def test_any_value_can_be_told_as_text(value: Any, read: str) -> None:
    assert shapes.text(value) == read
