"""A cell means one phone, or is refused with the reason."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_rcs.recipients import phones
from airflow_provider_rcs.recipients.phone_cells import PhoneError, written_phone
from airflow_provider_rcs.recipients.phones import PhoneRules, Reading, could_be_phone, read_phone, read_phone_column

EXPECTED = Path(__file__).parents[2] / "phones_expected.csv"
SPAIN = PhoneRules("ES")


def refusal(cell: Any, rules: PhoneRules) -> str:
    """Return why a cell is refused."""
    with pytest.raises(PhoneError) as refused:
        read_phone(cell, rules)
    return str(refused.value)


def read_alone(cell: Any, rules: PhoneRules) -> tuple[str | None, str, str | None]:
    """Return a cell's phone, how it was read and what is wrong with it, read by itself."""
    try:
        read = read_phone(cell, rules)
    except PhoneError as error:
        return error.phone, error.reading, str(error)
    return read.phone, read.reading, None


def read_in_column(cells: list[Any], rules: PhoneRules) -> list[tuple[str | None, str, str | None]]:
    """Return the same of each cell, read in a column."""
    column = read_phone_column(cells, rules)
    refused = map(column.refused.get, range(len(cells)))
    return list(zip(column.phones, column.readings, refused, strict=True))


@pytest.mark.parametrize("row", list(csv.DictReader(EXPECTED.open(encoding="utf-8"))), ids=lambda row: row["case"])
def test_a_phone_is_read_as_expected(row: dict[str, str]) -> None:
    rules = PhoneRules(row["default_region"] or None, row["phone_format"] or None)

    try:
        read = read_phone(row["text"], rules)
    except PhoneError:
        assert row["expected"] == ""
        return

    assert (read.phone, read.reading) == (f"+{row['expected']}", row["reading_or_reason"])


@pytest.mark.parametrize("phone", ["600000001", "600 00 00 01", 600000001, 600000001.0, "34600000001", "+34600000001"])
def test_digits_are_a_number_of_the_region_national_or_with_its_code(phone: Any) -> None:
    assert read_phone(phone, SPAIN).phone == "+34600000001"


@pytest.mark.parametrize("phone", ["447400123456", "33612345678", 4915123456789])
def test_digits_are_never_a_number_of_another_country(phone: Any) -> None:
    assert refusal(phone, SPAIN) == "it is not a number of ES; if it is international, write + before it"


@pytest.mark.parametrize("phone", ["600000001", 34600000001, "34600000001.0"])
def test_digits_without_a_country_are_refused_with_every_way_out(phone: Any) -> None:
    assert refusal(phone, PhoneRules()) == (
        "it has no + and no country; write +, or set default_region, region_column or phone_format"
    )


@pytest.mark.parametrize(
    ("phone", "region", "read"),
    [
        ("+44 7400 123456", "ES", "+447400123456"),
        ("0044 7400 123456", "ES", "+447400123456"),
        ("011 44 7400 123456", "US", "+447400123456"),
        ("0011 44 7400 123456", "AU", "+447400123456"),
        ("010 44 7400 123456", "JP", "+447400123456"),
        ("001 44 7400 123456", "KR", "+447400123456"),
        ("8~10 44 7400 123456", "RU", "+447400123456"),
        ("810447400123456", "RU", "+447400123456"),
        ("00 82 10 2000 0000", "KR", "+821020000000"),
    ],
)
def test_a_number_dialled_abroad_is_read_as_it_is_written(phone: str, region: str, read: str) -> None:
    assert read_phone(phone, PhoneRules(region)) == (read, "as written", False)


def test_double_zero_that_is_a_part_of_the_regions_own_way_abroad_is_refused_if_both_are_valid() -> None:
    with pytest.raises(PhoneError, match="two phones") as refused:
        read_phone("00925377384260", PhoneRules("NG"))

    assert refused.value.readings == ("**********260", "*********260")


def test_the_regions_own_code_after_double_zero_decides_between_two_valid_numbers() -> None:
    read = read_phone("00554532123456", PhoneRules("BR", mobile_only=False))

    assert read == ("+554532123456", "as written", True)


def test_a_number_that_is_whole_after_double_zero_outweighs_one_of_which_a_part_would_be_dropped() -> None:
    assert read_phone("00224608123456", PhoneRules("BR")) == ("+224608123456", "as written", False)


def test_digits_after_the_regions_own_way_abroad_that_begin_with_a_code_as_well_are_refused() -> None:
    with pytest.raises(PhoneError, match="it can be read as two phones") as refused:
        read_phone("8105016221234", PhoneRules("RU", "e164"))

    assert refused.value.readings == ("**********234", "********234")


def test_the_zero_that_is_dialled_inside_a_country_is_dropped_after_its_code() -> None:
    assert read_phone("+44 (0)7400 123456", SPAIN).phone == "+447400123456"


def test_a_zero_in_brackets_is_dropped_also_where_no_zero_is_dialled() -> None:
    assert read_phone("+34 (0) 600 000 001", SPAIN).phone == "+34600000001"


def test_a_leading_zero_that_belongs_to_the_number_is_kept() -> None:
    assert read_phone("+225 (0)1 23 45 6789", SPAIN).phone == "+2250123456789"


def test_the_country_code_wins_over_a_fixed_line() -> None:
    assert read_phone("4915123456789", PhoneRules("DE")).reading == "country code without +, over a fixed line"


def test_two_valid_readings_in_one_region_are_refused() -> None:
    with pytest.raises(PhoneError, match="it can be read as two phones") as refused:
        read_phone("15123456789", PhoneRules("DE", "e164"))

    assert len(refused.value.readings) == 2
    assert refused.value.reading == "digits that are no phone, or more than one"


@pytest.mark.parametrize(
    ("phone", "region", "readings"),
    [
        ("3905550390", "IT", ("**********390", "********390")),
        ("435632775", "AT", ("*********775", "*******775")),
    ],
    ids=["a mobile or a fixed line", "one of two fixed lines"],
)
def test_digits_that_are_a_national_number_and_one_with_its_code_are_refused(
    phone: str, region: str, readings: tuple[str, str]
) -> None:
    with pytest.raises(PhoneError, match="it can be read as two phones") as refused:
        read_phone(phone, PhoneRules(region))

    assert refused.value.readings == readings


def test_digits_that_begin_with_no_code_are_refused_as_no_international_number() -> None:
    assert refusal("12345", PhoneRules(phone_format="e164")) == "it is not a valid international number"


def test_the_zero_of_a_fixed_line_is_not_restored() -> None:
    assert refusal("120211234", PhoneRules("BJ")) == (
        "it is not a number of BJ; if it is international, write + before it"
    )


def test_no_zero_is_restored_where_not_every_mobile_begins_with_one() -> None:
    assert refusal("4879646", PhoneRules("BF")) == "it is not a number of BF; if it is international, write + before it"


def test_digits_with_a_code_that_are_a_mobile_without_its_zero_as_well_are_refused() -> None:
    assert refusal("50051234", PhoneRules("CG", "e164")) == (
        "it can be read as two phones; write +, or set phone_format"
    )


@pytest.mark.parametrize(
    ("phone", "rule"),
    [
        ("912345678", "it is a fixed line, not a mobile; with mobile_only=False it is messaged anyway"),
        ("+34 912 345 678", "it is a fixed line, not a mobile; with mobile_only=False it is messaged anyway"),
        ("900123456", "it is not a mobile number"),
        ("+34", "it is not a valid international number"),
        ("+34 750 000 001", "it is not a valid international number"),
        ("0000000000", "it is not a valid international number"),
        ("12345", "it is not a number of ES; if it is international, write + before it"),
    ],
)
def test_a_refusal_names_the_rule_that_the_phone_breaks(phone: str, rule: str) -> None:
    assert refusal(phone, SPAIN) == rule


@pytest.mark.parametrize(("phone", "is_fixed_line"), [("912345678", True), ("600000001", False), ("900123456", False)])
def test_all_valid_numbers_are_read_where_not_only_mobiles_are_accepted(phone: str, is_fixed_line: bool) -> None:
    read = read_phone(phone, PhoneRules("ES", mobile_only=False))

    assert read == (f"+34{phone}", "national", is_fixed_line)


def test_a_number_that_may_be_a_fixed_line_or_a_mobile_is_a_mobile() -> None:
    assert read_phone("+12125550123", PhoneRules()).phone == "+12125550123"


@pytest.mark.parametrize("phone", ["+4930111111111111", "+49301111111111111", "+4918122222222222"])
def test_a_phone_longer_than_e164_allows_is_refused(phone: str) -> None:
    assert refusal(phone, PhoneRules(mobile_only=False)) == "it is not a valid international number"


@pytest.mark.parametrize("phone", ["+34123", "0034123"])
def test_a_phone_that_names_its_country_and_is_not_valid_has_no_reading(phone: str) -> None:
    with pytest.raises(PhoneError) as refused:
        read_phone(phone, SPAIN)

    assert refused.value.reading == ""


@pytest.mark.parametrize(("phone", "rules"), [("123", SPAIN), ("123", PhoneRules("ES", "e164")), ("123", PhoneRules())])
def test_digits_that_are_no_valid_phone_are_counted_as_unreadable(phone: str, rules: PhoneRules) -> None:
    with pytest.raises(PhoneError) as refused:
        read_phone(phone, rules)

    assert refused.value.reading == Reading.UNREADABLE


def test_a_column_is_read_cell_by_cell() -> None:
    column = read_phone_column(["600 000 001", None, 912345678, "x", "+447400123456"], SPAIN)

    assert column.phones == ["+34600000001", None, "+34912345678", None, "+447400123456"]
    assert column.readings == ["national", "", "national", "", "as written"]
    assert column.refused == {
        1: "it is missing",
        2: "it is a fixed line, not a mobile; with mobile_only=False it is messaged anyway",
        3: "it is not a phone number",
    }


@pytest.mark.parametrize(
    ("phone", "rules"),
    [
        ("+34600000001", PhoneRules()),
        ("600000001", PhoneRules("ES")),
        ("34600000001", PhoneRules("ES")),
        ("34600000001", PhoneRules("ES", "national")),
        ("34600000001", PhoneRules("ES", "e164")),
        ("447400123456", PhoneRules("ES", "e164")),
        ("447400123456", PhoneRules(phone_format="e164")),
        ("4915123456789", PhoneRules("DE")),
        ("3905550390", PhoneRules("IT")),
        ("3905550390", PhoneRules("IT", "national")),
        ("007181692", PhoneRules("TJ")),
    ],
    ids=str,
)
def test_a_column_of_one_form_is_read_as_each_of_its_phones(phone: str, rules: PhoneRules) -> None:
    assert read_in_column([phone] * 3, rules) == [read_alone(phone, rules)] * 3


def written_alone(cell: object) -> str:
    raise AssertionError(f"{cell!r} was read by itself")


@pytest.mark.parametrize(
    ("cells", "rules"),
    [
        (["+34600000001", "+34600000002"], PhoneRules()),
        (["600000001", "600000002"], PhoneRules("ES")),
        ([600000001, 600000002], PhoneRules("ES")),
        (["34600000001", "34600000002"], PhoneRules("ES")),
        (["34600000001", "34600000002"], PhoneRules("ES", "e164")),
        (["447400123456", "447400123457"], PhoneRules(phone_format="e164")),
        (["3471234567", "3901234567"], PhoneRules("IT", "national")),
    ],
    ids=str,
)
def test_mobiles_of_the_form_of_a_column_are_not_read_one_by_one(
    cells: list[Any], rules: PhoneRules, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = read_in_column(cells[:1], rules) + read_in_column(cells[1:], rules)
    monkeypatch.setattr(phones, "written_phone", written_alone)

    assert read_in_column(cells, rules) == expected


def test_only_the_cells_without_the_most_frequent_form_are_read_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[object] = []

    def reading(cell: object) -> str:
        read.append(cell)
        return written_phone(cell)

    monkeypatch.setattr(phones, "written_phone", reading)

    read_phone_column(["+447400123456", "x" * 9, "600000001", "a\nb", "600000002"], SPAIN)

    assert read == ["+447400123456", "x" * 9, "a\nb"]


def test_a_phone_that_can_be_read_in_two_ways_is_refused_among_others_of_its_length() -> None:
    column = read_phone_column(["3471234567", "3471234568", "3905550390"], PhoneRules("IT"))

    assert column.phones == ["+393471234567", "+393471234568", None]
    assert list(column.two_readings) == [2]


def test_the_fixed_lines_of_a_column_are_kept_with_their_places() -> None:
    column = read_phone_column(["912345678", "600000001", "+44 20 7946 0000"], PhoneRules("ES", mobile_only=False))

    assert column.fixed_lines == [0, 2]
    assert column.refused == {}


def test_the_two_readings_of_a_cell_are_kept_with_its_place() -> None:
    column = read_phone_column(["+4915123456789", "15123456789"], PhoneRules("DE", "e164"))

    assert {place: len(readings) for place, readings in column.two_readings.items()} == {1: 2}


CELLS = st.one_of(
    st.text(),
    st.integers(),
    st.floats(),
    st.none(),
    st.from_regex(r"\+?[0-9 ]+", fullmatch=True),
    st.from_regex(r"(\+34|34|0034|0)?[679][0-9]{8}(\.0)?", fullmatch=True),
)
RULES = st.builds(
    PhoneRules, st.sampled_from([None, "ES", "US", "FR", "DE"]), st.sampled_from([None, "e164"]), st.booleans()
)


@pytest.mark.slow
@given(st.lists(CELLS), RULES)
def test_a_cell_reads_the_same_in_a_column_as_by_itself(cells: list[Any], rules: PhoneRules) -> None:
    assert read_in_column(cells, rules) == [read_alone(cell, rules) for cell in cells]


@given(st.from_regex(r"\+999[0-9 ()-]{5,20}|[0-9]{8,12}x", fullmatch=True))
def test_a_refusal_never_contains_the_phone(phone: str) -> None:
    assert not any(character.isdigit() for character in refusal(phone, SPAIN))


@given(st.one_of(st.text(), st.integers(), st.floats(), st.decimals(allow_nan=False), st.booleans(), st.none()))
def test_any_cell_is_read_as_e164_or_refused(cell: Any) -> None:
    try:
        phone = read_phone(cell, SPAIN).phone
    except PhoneError:
        return

    assert phone[0] == "+"
    assert phone.isascii()
    assert phone[1:].isdigit()


@pytest.mark.parametrize("text", ["600000001", "0600 000 001", "34600000001", "0034 600-000-001", "tel. 600 00 00 01"])
def test_a_text_with_the_digits_of_a_phone_could_be_that_phone(text: str) -> None:
    assert could_be_phone(text, "+34600000001")


@pytest.mark.parametrize("text", ["", "600000002", "60000000", "44600000001", "34600000001 or 34600000002"])
def test_a_text_with_other_digits_could_not_be_that_phone(text: str) -> None:
    assert not could_be_phone(text, "+34600000001")
