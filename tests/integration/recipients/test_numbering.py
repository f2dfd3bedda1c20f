"""Digits read by patterns give the result of phonenumbers in every country."""

from __future__ import annotations

import re

import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from airflow_provider_rcs.recipients.numbering import fast_pattern_for
from tests.unit.recipients.test_numbering import REGIONS, codes, misread, read

# Regions with very different notations, each as the default region of foreign numbers.
DEFAULT_REGIONS = ("US", "DE")


def examples() -> list[tuple[str, phonenumbers.PhoneNumber]]:
    """Return phonenumbers' own examples of every region and type, valid and invalid."""
    types = [getattr(PhoneNumberType, name) for name in dir(PhoneNumberType) if name.isupper()]
    valid = [(region, phonenumbers.example_number_for_type(region, of_type)) for region in REGIONS for of_type in types]
    invalid = [(region, phonenumbers.invalid_example_number(region)) for region in REGIONS]
    shared = [(region, phonenumbers.example_number_for_non_geo_entity(code)) for code, [region, *_] in codes().items()]
    return [(region, number) for region, number in [*valid, *invalid, *shared] if number is not None]


def notations(number: phonenumbers.PhoneNumber) -> set[str]:
    formats = (PhoneNumberFormat.E164, PhoneNumberFormat.NATIONAL)
    written = {phonenumbers.format_number(number, each) for each in formats}
    return {re.sub("[^0-9]", "", text) for text in written} | {phonenumbers.national_significant_number(number)}


def test_every_example_that_is_read_is_read_as_phonenumbers_reads_it() -> None:
    cases = (
        (digits, default_region)
        for region, number in examples()
        for digits in notations(number)
        for default_region in (None, *({region} & set(REGIONS)), *DEFAULT_REGIONS)
    )

    # Without repetitions: a region's mobiles and fixed lines often share an example.
    assert misread(dict.fromkeys(cases)) == []


@pytest.mark.parametrize("filling", ["0000000000", "5937462819"])
def test_every_prefix_of_any_country_code_is_read_as_phonenumbers_reads_it(filling: str) -> None:
    cases = (
        (f"{code}{prefix:03d}{filling}"[: len(str(code)) + length], None)
        for code in codes()
        for prefix in range(0, 1000, 11)
        for length in (6, 7, 8, 9, 10, 11)
    )

    assert misread(cases) == []


@pytest.mark.parametrize("default_region", [None, "own"])
def test_the_mobiles_of_nearly_every_region_are_read_without_phonenumbers(default_region: str | None) -> None:
    mobiles = [(each, phonenumbers.example_number_for_type(each, PhoneNumberType.MOBILE)) for each in REGIONS]
    parsed = [
        read(phonenumbers.format_number(number, PhoneNumberFormat.E164)[1:], default_region and region)
        for region, number in mobiles
        if number
    ]

    assert sum(each is not None for each in parsed) > 0.97 * len(parsed)


def test_the_national_mobiles_of_most_regions_are_read_without_phonenumbers() -> None:
    mobiles = [(each, phonenumbers.example_number_for_type(each, PhoneNumberType.MOBILE)) for each in REGIONS]
    national = [
        read(re.sub("[^0-9]", "", phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)), region)
        for region, number in mobiles
        if number
    ]

    assert sum(each is not None for each in national) > 0.85 * len(national)


@pytest.mark.parametrize("default_region", [None, "own"])
def test_numbers_that_a_fast_pattern_matches_read_the_same_by_themselves(default_region: str | None) -> None:
    cases = {(digits, default_region and region) for region, number in examples() for digits in notations(number)}
    matched = {}
    for digits, region in cases:
        code, lines = fast_pattern_for(digits, region if region in REGIONS else None)
        if lines.findall(f"{digits}\n")[0] == (f"{digits}\n", ""):
            matched[digits, region] = (code + digits, False)

    assert len(matched) > len(cases) / 4
    assert matched == {
        (digits, region): read(digits, region if region in REGIONS else None) for digits, region in matched
    }
