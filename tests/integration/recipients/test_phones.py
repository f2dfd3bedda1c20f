"""Phones of every country are read as phonenumbers reads them."""

from __future__ import annotations

import phonenumbers

from airflow_provider_rcs.recipients.phones import read_phone, read_phone_column


def test_the_type_of_every_example_is_that_of_phonenumbers_in_every_notation() -> None:
    types = (phonenumbers.PhoneNumberType.FIXED_LINE, phonenumbers.PhoneNumberType.MOBILE)
    examples = [
        example
        for region in sorted(phonenumbers.SUPPORTED_REGIONS)
        for of_type in types
        if (example := phonenumbers.example_number_for_type(region, of_type))
    ]
    fixed_lines = [
        position
        for position, example in enumerate(examples)
        if phonenumbers.number_type(example) == phonenumbers.PhoneNumberType.FIXED_LINE
    ]

    for written in (phonenumbers.PhoneNumberFormat.E164, phonenumbers.PhoneNumberFormat.INTERNATIONAL):
        read = read_phone_column([phonenumbers.format_number(example, written) for example in examples])

        assert read.fixed_lines == fixed_lines


def test_the_mobile_phones_of_every_region_are_read_with_and_without_a_plus() -> None:
    examples = [
        phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)
        for region in sorted(phonenumbers.SUPPORTED_REGIONS)
        if (example := phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE))
    ]
    digits = [example.removeprefix("+") for example in examples]

    assert [read_phone(example) for example in examples] == digits
    assert [read_phone(each) for each in digits] == digits
