"""The forms in which replies were seen are read alike."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_rcs.api.wire import lenient_json


@pytest.mark.parametrize(
    "value",
    [
        [{"A": "1"}, {"a": "2"}],
        '[{"A": 1}, {"a": 2}]',
        {"0": {"A": "1"}, "3": {"a": "2"}},
        ' {"0": {"A": 1}, "3": {"a": 2}}',
        '"[{\\"A\\": 1}, {\\"a\\": 2}]"',
        ['{"A": 1}', '{"a": 2}'],
        {"0": ' {"A": 1}', "3": '{"a": 2}'},
    ],
    ids=str,
)
def test_entries_read_the_same_as_a_list_or_numbered_and_as_text(value: Any) -> None:
    assert lenient_json.entries(value) == [{"a": "1"}, {"a": "2"}]


@pytest.mark.parametrize("value", [None, 7, "7", "", False, "false", "null"], ids=repr)
def test_a_field_that_is_not_a_list_has_no_entries(value: Any) -> None:
    assert lenient_json.entries(value) is None


@pytest.mark.parametrize(("value", "read"), [(7, 7), ("7", 7), (" 7 ", 7), ("7.0", 7), ("7.00", 7), ("+7", 7)])
def test_a_number_may_be_text(value: Any, read: int) -> None:
    assert lenient_json.integer(value) == lenient_json.count(value) == read


@pytest.mark.parametrize("value", [-3, "-3", "-3.0"], ids=repr)
def test_a_number_may_be_negative_but_a_count_may_not(value: Any) -> None:
    assert lenient_json.integer(value) == -3
    with pytest.raises(ValueError, match="^a count below 0$"):
        lenient_json.count(value)


@pytest.mark.parametrize("text", ["", "x", "1.5", "1.000", "1,000", "1e3", "--1", "1 2", "\u0663", "0x1"])
def test_a_text_that_is_no_whole_number_or_could_be_two_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="^not a whole number$"):
        lenient_json.integer(text)


def test_an_object_in_place_of_a_list_is_the_only_entry() -> None:
    assert lenient_json.entries({"Telefono": "1", "idMensaje": "2"}) == [{"telefono": "1", "idmensaje": "2"}]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("34600000001.0", "+34600000001"),
        ("3.4600000001E+10", "3.4600000001E+10"),
        (" 34600000001 ", "+34600000001"),
    ],
)
def test_a_phone_that_was_taken_for_a_float_is_read_if_all_its_digits_are_there(written: str, read: str) -> None:
    assert lenient_json.phone(written) == read


@pytest.mark.parametrize("number", ["123456789012345678901234567890", "18446744073709551616", "1.10", "1E400"])
def test_numbers_stay_as_they_are_written(number: str) -> None:
    assert lenient_json.text(lenient_json.load(f'{{"id": {number}}}')["id"]) == number


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"a": 1, "a": 2}', "^an object has two values for one key$"),
        ('{"a": {"b": 1, "b": "2"}}', "^an object has two values for one key$"),
        ("[NaN]", "^NaN is not JSON$"),
        ("[" * 100_000, "^nested too deeply$"),
        ("", "Expecting value"),
    ],
    ids=["two values", "two values inside", "NaN", "too deep", "empty"],
)
def test_json_that_is_damaged_or_can_be_read_in_two_ways_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        lenient_json.load(text)
    with pytest.raises(ValueError, match=reason):
        lenient_json.load_at(f"x{text}", 1)


def test_a_key_may_be_repeated_with_the_same_value() -> None:
    assert lenient_json.load('{"a": 1, "a": 1}') == {"a": "1"}
    assert lenient_json.lower_keys({"Res": "1", "RES": "1"}) == {"res": "1"}


@pytest.mark.parametrize(
    ("value", "read"),
    [(False, None), ("false", None), ("null", None), (True, True), (7, 7), ("x", "x"), (' "[1]" ', ["1"])],
    ids=repr,
)
def test_the_structure_of_a_field_may_be_text_or_missing(value: Any, read: Any) -> None:
    assert lenient_json.structure(value) == read


def test_keys_that_differ_only_in_case_may_not_have_two_values() -> None:
    with pytest.raises(ValueError):
        lenient_json.lower_keys({"Res": "1", "RES": "-2"})


def test_only_an_object_has_keys() -> None:
    with pytest.raises(TypeError, match="^not an object$"):
        lenient_json.lower_keys(["Res"])


@pytest.mark.parametrize(
    ("written", "read"),
    [("123456", "123456"), ("1234567", "+1234567"), ("1" * 15, f"+{'1' * 15}"), ("1" * 16, "1" * 16)],
)
def test_a_phone_has_seven_to_fifteen_digits(written: str, read: str) -> None:
    assert lenient_json.phone(written) == read


@pytest.mark.parametrize("value", [True, 1.5, None, [1], {}], ids=repr)
def test_a_value_of_another_kind_is_not_a_number(value: Any) -> None:
    with pytest.raises(TypeError, match="^not a number$"):
        lenient_json.integer(value)


@pytest.mark.parametrize("value", [None, "", False], ids=repr)
def test_a_missing_count_is_zero(value: Any) -> None:
    assert lenient_json.count(value) == 0


def test_characters_that_no_database_stores_are_left_out_of_texts() -> None:
    assert lenient_json.text("m\0-1 \ud800\u00fa") == "m-1 \u00fa"
    assert lenient_json.text("m\0-1") == "m-1"


def test_a_value_that_is_nested_too_deeply_is_no_text() -> None:
    value: Any = []
    for _ in range(1_000):
        value = [value]

    with pytest.raises(ValueError, match="^a value is nested too deeply$"):
        lenient_json.text(value)


@pytest.mark.parametrize(("value", "read"), [("x", "x"), (7, "7"), (None, ""), ([1], "[1]"), (True, "true")])
def test_any_value_can_be_read_as_text(value: Any, read: str) -> None:
    assert lenient_json.text(value) == read
