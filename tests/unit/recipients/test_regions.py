"""Phones are read in the region that another column of their row names."""

from __future__ import annotations

import pytest

from airflow_provider_rcs.recipients.phones import PhoneRules
from airflow_provider_rcs.recipients.regions import IS_NO_REGION, read_phones_by_region


def test_each_phone_is_read_in_the_region_of_its_row() -> None:
    read = read_phones_by_region(["600000001", "0612345678", "2125550123"], ["ES", " fr ", "US"], PhoneRules())

    assert read.phones == ["+34600000001", "+33612345678", "+12125550123"]


@pytest.mark.parametrize("region", [None, "", float("nan")])
def test_a_row_without_a_region_has_the_default_region(region: object) -> None:
    read = read_phones_by_region(["600000001"], [region], PhoneRules("ES"))

    assert read.phones == ["+34600000001"]


def test_without_a_column_of_regions_all_phones_are_read_in_the_default_region() -> None:
    read = read_phones_by_region(["600000001", "+447400123456"], None, PhoneRules("ES"))

    assert read.phones == ["+34600000001", "+447400123456"]


def test_digits_in_a_row_without_any_region_are_refused() -> None:
    read = read_phones_by_region(["600000001"], [None], PhoneRules())

    assert read.refused == {
        0: "it has no + and no country; write +, or set default_region, region_column or phone_format"
    }


@pytest.mark.parametrize("region", ["Spain", "ESP", "34", "XX", ["ES"]])
@pytest.mark.parametrize("phone_format", [None, "e164"])
def test_digits_in_a_row_of_an_unknown_region_are_refused(region: object, phone_format: str | None) -> None:
    read = read_phones_by_region(["34600000001"], [region], PhoneRules("ES", phone_format))

    assert read.refused == {0: IS_NO_REGION}


def test_a_phone_with_a_plus_needs_no_region() -> None:
    assert read_phones_by_region(["+34600000001"], ["Spain"], PhoneRules()).phones == ["+34600000001"]


def test_refusals_and_fixed_lines_keep_their_rows() -> None:
    rules = PhoneRules(mobile_only=False)

    read = read_phones_by_region(["x", "912345678", "15123456789", "600000001"], ["FR", "ES", "DE", "ES"], rules)

    assert read.phones == [None, "+34912345678", "+4915123456789", "+34600000001"]
    assert (read.fixed_lines, read.refused) == ([1], {0: "it is not a phone number"})


def test_two_readings_keep_their_row() -> None:
    read = read_phones_by_region(["600000001", "15123456789"], ["ES", "DE"], PhoneRules(phone_format="e164"))

    assert list(read.two_readings) == [1]


def test_a_cell_that_is_no_phone_in_a_row_of_an_unknown_region_is_refused_for_itself() -> None:
    read = read_phones_by_region(["x", "+34123", None], ["Spain"] * 3, PhoneRules("ES"))

    assert read.refused == {
        0: "it is not a phone number",
        1: "it is not a valid international number",
        2: "it is missing",
    }


def test_fixed_lines_in_rows_of_an_unknown_region_follow_the_rules() -> None:
    cells, regions = ["+34912345678"], ["Spain"]

    assert list(read_phones_by_region(cells, regions, PhoneRules(mobile_only=True)).refused) == [0]
    assert read_phones_by_region(cells, regions, PhoneRules(mobile_only=False)).fixed_lines == [0]
