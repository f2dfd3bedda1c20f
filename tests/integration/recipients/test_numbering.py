"""Digits read by patterns give the result of phonenumbers in every country."""

from __future__ import annotations

import re

import phonenumbers
import pytest
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneNumberFormat, PhoneNumberType

from airflow_provider_rcs.recipients.numbering import Kind, international_number, national_number
from tests.unit.recipients.test_numbering import REGIONS, parsed


def examples() -> list[tuple[str, phonenumbers.PhoneNumber]]:
    """Return phonenumbers' own examples of every region and type, valid and invalid."""
    types = [getattr(PhoneNumberType, name) for name in dir(PhoneNumberType) if name.isupper()]
    valid = [(region, phonenumbers.example_number_for_type(region, of_type)) for region in REGIONS for of_type in types]
    invalid = [(region, phonenumbers.invalid_example_number(region)) for region in REGIONS]
    return [(region, number) for region, number in [*valid, *invalid] if number is not None]


def test_every_example_is_the_number_that_phonenumbers_reads() -> None:
    written = {phonenumbers.format_number(number, PhoneNumberFormat.E164) for _, number in examples()}

    assert {phone: international_number(phone[1:]) for phone in written} == {phone: parsed(phone) for phone in written}


def test_every_example_is_the_national_number_that_phonenumbers_reads() -> None:
    cases = {
        (re.sub("[^0-9]", "", phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)), region)
        for region, number in examples()
    }
    valid = {case: number for case in cases if (number := parsed(*case)) is not None}

    read = {case: national_number(*case) for case in valid}

    assert {case: number for case, number in read.items() if number != valid[case]} == {}


@pytest.mark.parametrize("filling", ["0000000000", "5937462819"])
def test_every_prefix_of_any_country_code_is_read_as_phonenumbers_reads_it(filling: str) -> None:
    cases = [
        f"{code}{prefix:03d}{filling}"[: len(str(code)) + length]
        for code in COUNTRY_CODE_TO_REGION_CODE
        for prefix in range(0, 1000, 11)
        for length in (6, 7, 8, 9, 10, 11)
    ]

    assert [digits for digits in cases if international_number(digits) != parsed(f"+{digits}")] == []


def test_the_kind_of_every_example_is_that_of_phonenumbers() -> None:
    fixed_lines = [number for _, number in examples() if phonenumbers.number_type(number) == PhoneNumberType.FIXED_LINE]

    kinds = {international_number(f"{each.country_code}{each.national_number}") for each in fixed_lines}

    assert {number.kind for number in kinds if number} == {Kind.FIXED_LINE}
