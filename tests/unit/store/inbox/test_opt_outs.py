"""The phone of an opt-out by reply, read in one way or in none."""

from __future__ import annotations

import pytest

from airflow_provider_rcs.store.inbox.opt_outs import read_opt_out_phone


@pytest.mark.parametrize(
    "text",
    [
        "+34600000001",
        "34600000001",
        "0034600000001",
        "600000001",
        "+600000001",
        "34 600 000 001",
        "(34) 600-000-001",
        " +34600000001 ",
    ],
)
def test_a_phone_is_read_with_its_country_code_or_as_a_mobile_of_spain(text: str) -> None:
    assert read_opt_out_phone(text) == "+34600000001"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "anonymous",
        "12345",
        "900123456",
        "704230411",  # a personal number, which is no mobile
        "799962283",
        "34600000001.0",
        "3.46E+10",
        "34600000001 34600000002",
        "+346000000010000000",
    ],
)
def test_what_is_no_phone_is_not_read(text: str) -> None:
    assert read_opt_out_phone(text) == ""


@pytest.mark.parametrize("text", ["623123456", "645000001"])
def test_nine_digits_that_are_an_international_number_as_well_are_not_read(text: str) -> None:
    assert read_opt_out_phone(text) == ""


@pytest.mark.parametrize("text", ["447911123456", "+12015550123"])
def test_a_phone_of_another_country_is_read_with_its_code(text: str) -> None:
    assert read_opt_out_phone(text) == f"+{text.removeprefix('+')}"
