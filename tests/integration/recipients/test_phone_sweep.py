"""Mobiles of all regions, in every writing that warehouses hold: the right person or nobody."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
from phonenumbers.phonemetadata import PhoneMetadata

from airflow_provider_rcs.recipients.phone_cells import PhoneError
from airflow_provider_rcs.recipients.phones import PhoneRules, Reading, read_phone, read_phone_column
from tests.phone_sweep import REGIONS, WRITINGS, mobiles_of, numbers_for, sweep

MOBILES_OF_A_REGION = 4

# Writings that name the country or the region; all but a few numbers of Gabon are read (see the decision page).
ALWAYS_READ = [
    "`+`, digits",
    "`+`, spaced",
    "`tel:`, dashes",
    "`whatsapp:`",
    "apostrophe, `+`",
    "`+` before a float, `.0`",
    "`00`",
    "national",
    "national, dots",
    "national, no-break spaces",
    "national, said to be national",
    "country code without `+`",
    "country code, in a column of floats",
    "country code, said to be E.164",
    "country code, said to be E.164, no region",
]
NEVER_READ = [
    "country code, no region",
    "national, no region",
    "national, said to be E.164",
    "scientific notation",
    "two in a cell",
    "an extension",
    "a fraction",
]


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Counter[str]]:
    return sweep(MOBILES_OF_A_REGION)


@pytest.mark.parametrize("writing", WRITINGS)
def test_no_phone_of_any_region_is_read_as_one_abroad(outcomes: dict[str, Counter[str]], writing: str) -> None:
    assert outcomes[writing]["wrong abroad"] == 0


@pytest.mark.parametrize("writing", ALWAYS_READ)
def test_every_mobile_of_every_region_is_read_right(outcomes: dict[str, Counter[str]], writing: str) -> None:
    assert outcomes[writing].keys() == {"right"}


@pytest.mark.parametrize("writing", NEVER_READ)
def test_what_says_too_little_is_refused_in_every_region(outcomes: dict[str, Counter[str]], writing: str) -> None:
    assert outcomes[writing].keys() == {"refused"}


def test_integers_lose_the_zero_of_a_number_only_in_gabon() -> None:
    mobiles = {region: mobiles_of(region, MOBILES_OF_A_REGION) for region in REGIONS}
    writing = WRITINGS["national, in a column of integers"]

    wrong = {
        region
        for region in REGIONS
        for number in numbers_for(writing, region, mobiles)
        if read_phone(writing.text(number, region), PhoneRules(region)).phone
        != f"+{number.country_code}{'0' * bool(number.italian_leading_zero)}{number.national_number}"
    }

    assert wrong == {"GA"}


def test_a_lost_zero_is_restored_only_where_every_mobile_begins_with_it() -> None:
    restored = {
        region
        for region in REGIONS
        for number in mobiles_of(region, MOBILES_OF_A_REGION)
        if read_phone(str(number.national_number), PhoneRules(region)).reading == Reading.ZERO_RESTORED
    }

    assert restored == {"BJ", "CG", "CI"}
    metadata: list[Any] = [PhoneMetadata.metadata_for_region(region) for region in restored]
    patterns = [str(each.mobile.national_number_pattern) for each in metadata]
    assert {re.sub("[^0-9]", "", pattern)[0] for pattern in patterns} == {"0"}


@pytest.mark.parametrize("region", REGIONS)
def test_a_column_is_read_as_its_cells_are(region: str) -> None:
    numbers = mobiles_of(region, MOBILES_OF_A_REGION)
    for writing in WRITINGS.values():
        rules = writing.rules(region)
        # Twice, so that this writing is the most frequent form.
        cells = [writing.text(number, region) for number in numbers] * 2

        column = read_phone_column(cells, rules)

        assert list(zip(column.phones, column.readings, strict=True)) == [alone(cell, rules) for cell in cells]


def alone(cell: str, rules: PhoneRules) -> tuple[str | None, str]:
    try:
        read = read_phone(cell, rules)
    except PhoneError as error:
        return error.phone, error.reading
    return read.phone, read.reading
