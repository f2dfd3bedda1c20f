"""The readings of a list's phones are counted, and a list whose phones were lost before is refused."""

from __future__ import annotations

import random
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.models import Template
from airflow_provider_rcs.recipients.listing import ListCounts, ListSettings, list_chunks
from airflow_provider_rcs.recipients.readings import ReadingCounts
from airflow_provider_rcs.recipients.selection import read_selection

PHONES = [f"6{number:08d}" for number in random.Random(1).sample(range(10**8), 40)]


def count(*chunks: list[Any], **settings: Any) -> tuple[ReadingCounts, ListSettings]:
    counts, arguments = ListCounts(), ListSettings(**settings)
    for _ in list_chunks([{"phone": chunk} for chunk in chunks], Template("7", "Plain"), arguments, counts):
        pass
    return counts.phones, arguments


def check(phones: list[Any], **settings: Any) -> None:
    counts, arguments = count(phones, **settings)
    counts.require_sound(arguments.phone_rules)


def test_the_readings_and_the_countries_of_a_list_are_counted() -> None:
    phones = ["+447400123456", "600000001", "34600000002", 712345678.0, "x", "912345678", "12"]

    counts, _ = count(phones, default_region="ES")

    assert counts.as_dict() == {
        "readings": {"national": 2, "as written": 1, "country code without +": 1},
        "countries": {"ES": 3, "GB": 1},
        "unreadable": 1,
        "advice": "",
    }


def test_the_rows_of_all_chunks_are_counted() -> None:
    counts, _ = count(["600000001", "12", 34.5, "+34600000002", "x"], ["13", 35.5], default_region="ES")

    assert (counts.rows, counts.digits_only) == (7, 5)
    assert (counts.unreadable, counts.lost_digits) == (4, 2)


def test_the_log_names_each_reading_with_its_count_the_most_frequent_first() -> None:
    counts, _ = count(["+34600000001", "600000002", "600000003"], default_region="ES")

    assert counts.describe() == "2 national, 1 as written"


@pytest.mark.parametrize(
    ("written", "by"), [(4.91514e12, "scientific notation"), (float(np.float32(34612345678)), "a 32-bit float")]
)
def test_rounded_phones_are_counted_in_all_chunks(written: float, by: str) -> None:
    rounded = [str(int(written)) for _ in range(15)]
    counts, arguments = count(rounded, rounded, ["4915140012345"], phone_format="e164")

    with pytest.raises(RcsInputError, match=f"30 of 31 phones are rounded as {by} rounds them"):
        counts.require_sound(arguments.phone_rules)


def test_a_phone_with_invisible_marks_looks_like_one_of_no_country() -> None:
    counts, _ = count(["\u200e33612345678", *PHONES], default_region="ES")

    assert (counts.as_dict()["unreadable"], counts.look_like.total()) == (1, 0)


def test_only_recipients_of_the_selection_are_counted_as_read() -> None:
    counts, _ = count(PHONES, default_region="ES", selection=read_selection("1/4", 1))

    assert 0 < counts.readings.total() < len(PHONES)


def test_unreadable_phones_that_look_like_those_of_other_countries_are_counted_by_country() -> None:
    counts, _ = count(["600000001", "33612345678", "33612345679", "4915123456789", "12"], default_region="ES")

    assert counts.advice() == "3 invalid look like E.164 of FR 2, DE 1: write + or use region_column"


@pytest.mark.parametrize("cell", ["49\u00a0151 23456789", "\u200b4915123456789", 1e16], ids=ascii)
def test_digits_that_are_shown_otherwise_than_they_were_read_do_not_fail_the_list(cell: Any) -> None:
    counts, _ = count(["600000001", cell], default_region="ES")

    assert (counts.unreadable, counts.readings.total()) == (1, 1)


def test_a_list_of_digits_without_a_country_is_refused_by_the_name_of_the_argument() -> None:
    with pytest.raises(RcsInputError, match=r"^default_region: 40 of 40 phones that are digits without a country"):
        check(PHONES)


def test_the_refusal_of_a_list_tells_what_its_phones_look_like() -> None:
    with pytest.raises(RcsInputError, match="40 invalid look like E.164 of ES 40"):
        check([f"34{phone}" for phone in PHONES], default_region="FR")


def test_a_list_of_which_half_can_be_read_is_sent() -> None:
    check([*PHONES[:12], *map(str, range(100, 112))], default_region="ES")


def test_a_list_of_which_less_than_half_can_be_read_is_refused() -> None:
    with pytest.raises(RcsInputError, match="12 of 23 phones"):
        check([*PHONES[:11], *map(str, range(100, 112))], default_region="ES")


def test_a_few_unreadable_digits_among_phones_with_a_plus_do_not_stop_a_list() -> None:
    check(["+34600000001", "+34600000002", "12", "13"])


def test_unreadable_digits_stop_a_list_of_which_they_are_more_than_half() -> None:
    with pytest.raises(RcsInputError, match="2 of 2 phones"):
        check(["+34600000001", "12", "13"])


def test_many_unreadable_digits_stop_a_list_of_any_size() -> None:
    with pytest.raises(RcsInputError) as refused:
        check([*(f"+34{phone}" for phone in PHONES), *map(str, range(100, 110))])

    assert str(refused.value) == (
        "default_region: 10 of 10 phones that are digits without a country cannot be read; nothing was sent. "
        "Set default_region, or region_column for a country in each row, or phone_format='e164' if they begin with the "
        "country code; or write + before them."
    )


@pytest.mark.parametrize("phone_format", ["e164", "national"])
def test_a_list_that_is_not_of_the_given_format_is_refused_by_the_name_of_that_argument(phone_format: str) -> None:
    with pytest.raises(RcsInputError) as refused:
        check([*map(str, range(100, 110))], default_region="ES", phone_format=phone_format)

    assert refused.value.field == "phone_format"


def test_fixed_lines_are_read_and_do_not_stop_a_list() -> None:
    check(["912345678", "912345679", "912345677"], default_region="ES")


def test_phones_that_a_32_bit_float_has_rounded_are_refused() -> None:
    rounded = [int(np.float32(int(phone))) for phone in PHONES]

    with pytest.raises(RcsInputError) as refused:
        check(rounded, default_region="ES")

    assert str(refused.value) == (
        "phone_column: 40 of 40 phones are rounded as a 32-bit float rounds them; nothing was sent. Read the column as "
        "text or as BIGINT where it comes from: its last digits are lost here."
    )


@pytest.mark.parametrize("digits", [2, 5])
def test_phones_that_scientific_notation_has_rounded_are_refused(digits: int) -> None:
    rounded = [float(f"{float(phone):.{digits}E}") for phone in PHONES]

    with pytest.raises(RcsInputError, match="^phone_column: 40 of 40 phones are rounded as scientific notation rounds"):
        check(rounded, default_region="ES")


@pytest.mark.parametrize(("rounded", "is_refused"), [(18, False), (19, True)])
def test_phones_are_taken_for_rounded_if_more_than_nine_of_ten_are(rounded: int, is_refused: bool) -> None:
    with pytest.raises(RcsInputError, match="19 of 20 phones are rounded") if is_refused else nullcontext():
        check(["600000000"] * rounded + ["600000001"] * (20 - rounded), default_region="ES")


@pytest.mark.parametrize("write", [int, float, str, lambda phone: f"{phone}.0"])
def test_phones_are_not_taken_for_rounded_by_chance(write: Any) -> None:
    check([write(phone) for phone in PHONES], default_region="ES")


@pytest.mark.parametrize("write", [np.float32, lambda phone: f"{float(phone):.2E}", lambda phone: f"{phone}.5"])
def test_a_list_of_numbers_that_have_lost_digits_is_refused_by_the_name_of_its_column(write: Any) -> None:
    with pytest.raises(RcsInputError) as refused:
        check([write(phone) for phone in PHONES], default_region="ES")

    assert str(refused.value) == (
        "phone_column: 40 of 40 phones are numbers that have lost digits; nothing was sent. Read the column as text or "
        "as BIGINT where it comes from."
    )


@pytest.mark.parametrize(("lost", "argument"), [(10, "default_region"), (11, "phone_column")])
def test_the_column_is_named_if_most_unreadable_phones_have_lost_digits(lost: int, argument: str) -> None:
    with pytest.raises(RcsInputError, match=f"^{argument}: "):
        check([*map(str, range(100, 110)), *[600000001.5] * lost], default_region="ES")


def test_fewer_than_20_phones_are_not_taken_for_rounded() -> None:
    check(["600000000"] * 19, default_region="ES")


def test_rounded_phones_of_many_chunks_are_refused() -> None:
    counts, settings = ListCounts(), ListSettings(default_region="ES")
    chunks = [{"phone": ["600000000"]}] * 20
    for _ in list_chunks(chunks, Template("7", "Plain"), settings, counts):
        pass

    with pytest.raises(RcsInputError, match="20 of 20 phones are rounded"):
        counts.phones.require_sound(settings.phone_rules)
