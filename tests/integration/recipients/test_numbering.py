"""What phonenumbers knows of every country, of which tests/unit/recipients/test_numbering.py takes samples, is read alike."""

from __future__ import annotations

import re

import phonenumbers
import pytest
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from airflow_provider_rcs.recipients.numbering import fast_pattern_for
from tests.unit.recipients.test_numbering import REGIONS, codes, read, wrong

# Regions whose ways of writing are as different as can be, each as the default region of foreign numbers.
DEFAULT_REGIONS = ("US", "DE")


def examples() -> list[tuple[str, phonenumbers.PhoneNumber]]:
    """Phonenumbers' own examples: of every region and type, valid and not."""
    types = [getattr(PhoneNumberType, name) for name in dir(PhoneNumberType) if name.isupper()]
    valid = [(region, phonenumbers.example_number_for_type(region, of_type)) for region in REGIONS for of_type in types]
    invalid = [(region, phonenumbers.invalid_example_number(region)) for region in REGIONS]
    shared = [(region, phonenumbers.example_number_for_non_geo_entity(code)) for code, [region, *_] in codes().items()]
    return [(region, number) for region, number in [*valid, *invalid, *shared] if number is not None]


def ways_of_writing(number: phonenumbers.PhoneNumber) -> set[str]:
    formats = (PhoneNumberFormat.E164, PhoneNumberFormat.NATIONAL)
    written = {phonenumbers.format_number(number, each) for each in formats}
    return {re.sub("[^0-9]", "", text) for text in written} | {phonenumbers.national_significant_number(number)}


def test_every_example_is_read_as_phonenumbers_reads_it_where_it_is_read_at_all() -> None:
    cases = (
        (digits, default_region)
        for region, number in examples()
        for digits in ways_of_writing(number)
        for default_region in (None, *({region} & set(REGIONS)), *DEFAULT_REGIONS)
    )

    # Each once, because a region's mobiles and fixed lines often have one example.
    assert wrong(dict.fromkeys(cases)) == []


@pytest.mark.parametrize("filling", ["0000000000", "5937462819"])
def test_no_prefix_of_any_country_code_is_read_otherwise(filling: str) -> None:
    cases = (
        (f"{code}{prefix:03d}{filling}"[: len(str(code)) + length], None)
        for code in codes()
        for prefix in range(0, 1000, 11)
        for length in (6, 7, 8, 9, 10, 11)
    )

    assert wrong(cases) == []


@pytest.mark.parametrize("default_region", [None, "own"])
def test_the_mobiles_of_nearly_every_region_need_no_asking(default_region: str | None) -> None:
    mobiles = [(each, phonenumbers.example_number_for_type(each, PhoneNumberType.MOBILE)) for each in REGIONS]
    found = [
        read(phonenumbers.format_number(number, PhoneNumberFormat.E164)[1:], default_region and region)
        for region, number in mobiles
        if number
    ]

    assert sum(each is not None for each in found) > 0.97 * len(found)


def test_the_national_mobiles_of_most_regions_need_no_asking() -> None:
    mobiles = [(each, phonenumbers.example_number_for_type(each, PhoneNumberType.MOBILE)) for each in REGIONS]
    national = [
        read(re.sub("[^0-9]", "", phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)), region)
        for region, number in mobiles
        if number
    ]

    assert sum(each is not None for each in national) > 0.85 * len(national)


@pytest.mark.parametrize("default_region", [None, "own"])
def test_what_is_read_at_a_glance_is_read_as_it_is_otherwise(default_region: str | None) -> None:
    cases = {(digits, default_region and region) for region, number in examples() for digits in ways_of_writing(number)}
    at_a_glance = {}
    for digits, region in cases:
        code, lines = fast_pattern_for(digits, region if region in REGIONS else None)
        if lines.findall(f"{digits}\n")[0] == (f"{digits}\n", ""):
            at_a_glance[digits, region] = (code + digits, False)

    assert len(at_a_glance) > len(cases) / 4
    assert at_a_glance == {
        (digits, region): read(digits, region if region in REGIONS else None) for digits, region in at_a_glance
    }
