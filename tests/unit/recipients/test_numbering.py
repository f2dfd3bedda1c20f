"""Digits read by patterns give the result of phonenumbers wherever they give one."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneNumberFormat, PhoneNumberType

from airflow_provider_rcs.recipients.numbering import (
    LONGEST_E164,
    Kind,
    Number,
    digits_dialled_abroad,
    international_number,
    is_region,
    main_region,
    mobiles_after_plus,
    mobiles_with_code,
    national_mobiles,
    national_number,
)

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
KINDS = {
    PhoneNumberType.MOBILE: Kind.MOBILE,
    PhoneNumberType.FIXED_LINE_OR_MOBILE: Kind.MOBILE,
    PhoneNumberType.FIXED_LINE: Kind.FIXED_LINE,
}
DIGITS = "[0-9]{1,15}"


def parsed(text: str, region: str | None = None) -> Number | None:
    """Return what phonenumbers reads."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    phone = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    if not phonenumbers.is_valid_number(number) or len(phone) > LONGEST_E164 + 1:
        return None
    return Number(phone, KINDS.get(phonenumbers.number_type(number), Kind.OTHER))


def dialled_inside(digits: str, region: str) -> Number | None:
    """Return what phonenumbers reads as a national number of the main region of a calling code."""
    return parsed(f"+{phonenumbers.country_code_for_region(region)}{digits}")


@pytest.mark.parametrize(
    ("region", "code", "length"),
    [("ES", "34", 9), ("IT", "39", 10), ("FR", "33", 9), ("MX", "52", 10), ("GB", "44", 10), ("DE", "49", 11)],
)
@pytest.mark.parametrize("before", ["", "0", "code"])
@pytest.mark.slow
def test_every_prefix_of_a_region_is_read_as_phonenumbers_reads_it(
    region: str, code: str, length: int, before: str
) -> None:
    start = code if before == "code" else before
    cases = [f"{start}{prefix:04d}123456789"[: len(start) + length] for prefix in range(0, 10_000, 7)]

    assert [national_number(digits, region) for digits in cases] == [dialled_inside(digits, region) for digits in cases]
    assert [international_number(digits) for digits in cases] == [parsed(f"+{digits}") for digits in cases]


@pytest.mark.parametrize(
    ("digits", "region", "number"),
    [
        ("600000001", "ES", Number("+34600000001", Kind.MOBILE)),
        ("912345678", "ES", Number("+34912345678", Kind.FIXED_LINE)),
        ("900123456", "ES", Number("+34900123456", Kind.OTHER)),
        ("34600000001", "ES", None),
        ("0612345678", "FR", Number("+33612345678", Kind.MOBILE)),
        ("2125550123", "US", Number("+12125550123", Kind.MOBILE)),
        ("12125550123", "US", Number("+12125550123", Kind.MOBILE)),
        ("3591234", "BS", Number("+12423591234", Kind.MOBILE)),
        ("87011234567", "RU", Number("+77011234567", Kind.MOBILE)),
        ("0612345678", "IT", Number("+390612345678", Kind.FIXED_LINE)),
        ("3471234567", "IT", Number("+393471234567", Kind.MOBILE)),
        ("0111523456789", "AR", Number("+5491123456789", Kind.MOBILE)),
        ("07624300123", "GB", Number("+447624300123", Kind.MOBILE)),
        ("011134612345678", "US", None),
        ("8001234567", "BY", Number("+3758001234567", Kind.OTHER)),
    ],
)
def test_a_national_number_follows_the_rules_of_its_country(digits: str, region: str, number: Number | None) -> None:
    assert national_number(digits, region) == number


def national_prefix(region: str) -> str:
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
    return (metadata.national_prefix if metadata else None) or ""


@pytest.mark.slow
def test_the_example_numbers_of_every_region_are_read_as_phonenumbers_reads_them() -> None:
    examples = [
        (region, prefix + phonenumbers.national_significant_number(example))
        for region in REGIONS
        for prefix in ("", national_prefix(region))
        for kind in KINDS
        if (example := phonenumbers.example_number_for_type(region, kind))
    ]

    assert [national_number(digits, region) for region, digits in examples] == [
        parsed(digits, region) for region, digits in examples
    ]


TYPES = [value for value in vars(PhoneNumberType).values() if isinstance(value, int)]
EXAMPLES = sorted(
    {
        f"{example.country_code}{phonenumbers.national_significant_number(example)}"
        for region in REGIONS
        for kind in TYPES
        if (example := phonenumbers.example_number_for_type(region, kind))
    }
)


@pytest.mark.slow
def test_the_example_numbers_of_every_type_are_read_after_a_plus_as_phonenumbers_reads_them() -> None:
    assert [international_number(digits) for digits in EXAMPLES] == [parsed(f"+{digits}") for digits in EXAMPLES]


def is_found(lines: re.Pattern[str], phone: str) -> bool:
    """Return whether a line is found to be a mobile."""
    return bool(lines.findall(f"{phone}\n")[0][0])


@pytest.mark.slow
def test_of_the_example_numbers_the_mobiles_are_found_among_lines_of_their_form() -> None:
    mobiles = {digits for digits in EXAMPLES if (read := international_number(digits)) and read.kind is Kind.MOBILE}
    other_reading = {"5491123456789"}  # Argentina's prefix for calls inside the country could be in it.

    after_plus = {digits for digits in EXAMPLES if is_found(mobiles_after_plus(digits), f"+{digits}")}
    with_code = {digits for digits in EXAMPLES if is_found(mobiles_with_code(digits, None), digits)}

    assert after_plus == with_code == mobiles - other_reading


@pytest.mark.slow
def test_an_example_number_of_a_region_that_is_found_among_lines_is_a_mobile_of_that_region() -> None:
    found = {}
    for region in REGIONS:
        examples = [phonenumbers.example_number_for_type(region, kind) for kind in KINDS]
        for national in {phonenumbers.national_significant_number(each) for each in examples if each}:
            if is_found(national_mobiles(national, region, may_have_code=False), national):
                code = phonenumbers.country_code_for_region(region)
                found[region, national] = Number(f"+{code}{national}", Kind.MOBILE)

    assert {each: national_number(each[1], each[0]) for each in found} == found
    assert len(found) > 200


@pytest.mark.parametrize(
    ("digits", "region"),
    [
        ("600000001", "ES"),
        ("912345678", "ES"),
        ("900123456", "ES"),
        ("0612345678", "FR"),
        ("3471234567", "IT"),
        ("015123456789", "DE"),
        ("2125550123", "US"),
        ("5511223344", "MX"),
        ("8762101234", "JM"),
        ("6000000011", "ES"),
    ],
)
def test_national_digits_are_read_by_patterns_as_phonenumbers_reads_them(
    digits: str, region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = parsed(digits, region)
    monkeypatch.delattr(phonenumbers, "parse")

    assert national_number(digits, region) == expected


@pytest.mark.parametrize(
    "digits", ["34600000001", "34912345678", "12125550123", "18762101234", "4915123456789", "34123"]
)
def test_digits_after_a_plus_are_read_by_patterns_as_phonenumbers_reads_them(
    digits: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = parsed(f"+{digits}")
    monkeypatch.delattr(phonenumbers, "parse")

    assert international_number(digits) == expected


def test_a_number_of_15_digits_is_read_without_the_zero_that_is_dialled_inside_its_country() -> None:
    assert international_number("4306641234567890") == Number("+436641234567890", Kind.MOBILE)


@pytest.mark.parametrize(
    ("digits", "phone"), [("330612345678", "+33612345678"), ("112125550123", "+12125550123")], ids=["FR", "US"]
)
def test_a_prefix_for_calls_inside_a_country_is_dropped_after_its_code(digits: str, phone: str) -> None:
    assert international_number(digits) == Number(phone, Kind.MOBILE)


@pytest.mark.parametrize(
    ("digits", "region", "after"),
    [
        ("01134600000001", "US", "34600000001"),
        ("001134600000001", "AU", "34600000001"),
        ("81034600000001", "RU", "34600000001"),
        ("0034600000001", "ES", "34600000001"),
        ("600000001", "ES", ""),
    ],
)
def test_the_digits_after_the_regions_own_way_abroad_are_found(digits: str, region: str, after: str) -> None:
    assert digits_dialled_abroad(digits, region) == after


def test_a_region_is_two_capital_letters_of_a_country_with_phones() -> None:
    assert [is_region(text) for text in ("ES", "US", "es", "XX", "34", "")] == [True, True, False, False, False, False]


def test_the_main_region_of_a_shared_calling_code_stands_for_all() -> None:
    assert [main_region(digits) for digits in ("34600000001", "18762101234", "77011234567", "999", "")] == [
        "ES",
        "US",
        "RU",
        "",
        "",
    ]


@given(st.sampled_from(sorted(COUNTRY_CODE_TO_REGION_CODE)), st.from_regex(DIGITS, fullmatch=True))
def test_any_digits_after_any_code_are_read_as_phonenumbers_reads_them(code: int, digits: str) -> None:
    assert international_number(f"{code}{digits}") == parsed(f"+{code}{digits}")


MAIN_REGIONS = sorted({main_region(str(code)) for code in COUNTRY_CODE_TO_REGION_CODE} & set(REGIONS))


@given(st.from_regex(DIGITS, fullmatch=True), st.sampled_from(MAIN_REGIONS))
def test_any_national_digits_of_a_main_region_are_those_after_its_code(digits: str, region: str) -> None:
    number = national_number(digits, region)

    assert number is None or number == dialled_inside(digits, region)


ITALIAN_MOBILE = "3931234567"  # begins with its own calling code


@pytest.mark.parametrize(
    ("pattern_of_form", "phone"),
    [
        (partial(mobiles_after_plus, "34600000001"), "+34600000002"),
        (partial(mobiles_after_plus, "436641234567890"), "+436641234567899"),
        (partial(mobiles_with_code, "34600000001", None), "34600000002"),
        (partial(mobiles_with_code, "34600000001", "ES"), "34600000002"),
        (partial(mobiles_with_code, "436641234567890", "AT"), "436641234567899"),
        (partial(national_mobiles, "600000001", "ES", may_have_code=True), "600000002"),
        (partial(national_mobiles, ITALIAN_MOBILE, "IT", may_have_code=False), ITALIAN_MOBILE),
        (partial(national_mobiles, "6641234567890", "AT", may_have_code=True), "6641234567899"),
    ],
    ids=[
        "plus",
        "longest with plus",
        "any code",
        "code",
        "longest with code",
        "national",
        "never with code",
        "longest",
    ],
)
def test_mobiles_of_the_form_of_an_example_are_found_in_runs_of_lines(
    pattern_of_form: Callable[[], re.Pattern[str]], phone: str
) -> None:
    lines = f"{phone}\n{phone}\n+34912345678\n{phone}\n"

    assert pattern_of_form().findall(lines) == [(f"{phone}\n{phone}\n", "+34912345678\n"), (f"{phone}\n", ""), ("", "")]


@pytest.mark.parametrize(
    ("pattern_of_form", "line"),
    [
        (partial(mobiles_after_plus, "34600000001"), "34600000001"),
        (partial(mobiles_after_plus, "34600000001"), "+346000000011"),
        (partial(mobiles_with_code, "34600000001", "ES"), "33612345678"),
        (partial(mobiles_with_code, "4915123456789", "DE"), "4915123456789"),
        (partial(mobiles_with_code, "0034600000001", None), "0034600000001"),
        (partial(national_mobiles, "600000001", "ES", may_have_code=False), "0600000001"),
        (partial(national_mobiles, ITALIAN_MOBILE, "IT", may_have_code=True), ITALIAN_MOBILE),
        (partial(national_mobiles, "007181692", "TJ", may_have_code=True), "007181692"),
    ],
)
def test_a_line_that_could_be_read_in_another_way_is_not_found(
    pattern_of_form: Callable[[], re.Pattern[str]], line: str
) -> None:
    assert pattern_of_form().findall(f"{line}\n") == [("", f"{line}\n"), ("", "")]
