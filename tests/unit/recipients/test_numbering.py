"""Digits read by patterns give the result of phonenumbers wherever they give one."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneNumberFormat, PhoneNumberType

from airflow_provider_rcs.recipients.numbering import LONGEST_E164, ParsedPhone, national_reader, read_international

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)


DIGITS = "[0-9]{1,15}"


def read_by_phonenumbers(digits: str, region: str | None) -> ParsedPhone | None:
    """Return what phonenumbers reads: a national number of the region, or else an international one."""
    national = parse(digits, region) if region and not digits.startswith("00") else None
    return national or parse(f"+{digits.removeprefix('00')}", None)


@cache
def parse(text: str, region: str | None) -> ParsedPhone | None:
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    written = phonenumbers.format_number(number, PhoneNumberFormat.E164).removeprefix("+")
    if not phonenumbers.is_valid_number(number) or len(written) > LONGEST_E164:
        return None
    return written, phonenumbers.number_type(number) == PhoneNumberType.FIXED_LINE


def read(digits: str, region: str | None) -> ParsedPhone | None:
    return national_reader(region)(digits) if region else read_international(digits)


def misread(cases: Iterable[tuple[str, str | None]]) -> list[tuple[str, str | None]]:
    """Return the cases that are read, but not as phonenumbers reads them."""
    return [case for case in cases if (parsed := read(*case)) is not None and parsed != read_by_phonenumbers(*case)]


def codes() -> dict[int, tuple[str, ...]]:
    return dict(COUNTRY_CODE_TO_REGION_CODE)


@pytest.mark.parametrize(
    ("region", "code", "length"),
    [("ES", "34", 9), ("IT", "39", 10), ("FR", "33", 9), ("MX", "52", 10), ("GB", "44", 10)],
)
@pytest.mark.parametrize("before", ["", "0", "code"])
def test_every_prefix_of_a_default_region_is_read_as_phonenumbers_reads_it(
    region: str, code: str, length: int, before: str
) -> None:
    start = code if before == "code" else before
    cases = ((f"{start}{prefix:04d}123456789"[: len(start) + length], region) for prefix in range(0, 10_000, 3))

    assert misread(cases) == []


def test_spanish_prefixes_that_a_simple_pattern_would_take_are_left_to_phonenumbers() -> None:
    unassigned = [f"34{prefix}000000" for prefix in (*range(750, 780), *range(790, 800))]

    assert {read(digits, region) for digits in unassigned for region in (None, "ES")} == {None}


@pytest.mark.parametrize(
    ("digits", "region", "parsed"),
    [
        ("34600000001", None, ("34600000001", False)),
        ("600000001", "ES", ("34600000001", False)),
        ("912345678", "ES", ("34912345678", True)),
        ("0612345678", "FR", ("33612345678", False)),
        ("12125550123", "US", ("12125550123", False)),
        ("2125550123", "US", ("12125550123", False)),
        ("447400123456", "ES", ("447400123456", False)),
        ("0612345678", "IT", ("390612345678", True)),
        ("5491123456789", "AR", ("5491123456789", False)),
    ],
)
def test_a_plainly_written_phone_is_read_without_phonenumbers(
    digits: str, region: str | None, parsed: ParsedPhone
) -> None:
    assert read(digits, region) == parsed == read_by_phonenumbers(digits, region)


@pytest.mark.parametrize(
    ("digits", "region"),
    [
        ("278163463", "ZA"),  # a national number that begins with the region's own code
        ("358100000", "AX"),  # the same, and also valid after the code
        ("3100000", "BS"),  # a local number, to which phonenumbers adds the area code
        ("000000000", "TJ"),  # would be valid if it did not begin with an international prefix
        ("0000400", "UY"),
        ("81034600000001", "RU"),  # dialled with an international prefix
        ("0051987654321", "CO"),
        ("15551234567890", "DE"),  # too long for its code, and possible as a national number
    ],
)
def test_ambiguous_digits_are_read_as_phonenumbers_reads_them(digits: str, region: str) -> None:
    assert misread([(digits, region)]) == []


@given(st.sampled_from(list(codes())), st.from_regex(DIGITS, fullmatch=True), st.sampled_from([None, *REGIONS]))
def test_any_digits_after_any_code_are_read_as_phonenumbers_reads_them(
    code: int, digits: str, region: str | None
) -> None:
    assert misread([(f"{code}{digits}", region)]) == []


@given(st.from_regex(DIGITS, fullmatch=True), st.sampled_from([None, *REGIONS]))
def test_any_digits_are_read_as_phonenumbers_reads_them(digits: str, region: str | None) -> None:
    assert misread([(digits, region)]) == []
