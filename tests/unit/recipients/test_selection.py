"""Parts of a list: the same on every machine, no recipient in two shards, each sample within a larger one."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.api.models import Template, shards
from airflow_provider_rcs.recipients.columns import ListedRecipient, choose_columns, read_recipients
from airflow_provider_rcs.recipients.phones import PhoneRules
from airflow_provider_rcs.recipients.selection import Selection, read_selection
from tests.unit.store.given import listed, phones

KEYS = st.lists(st.text(), unique=True, max_size=40)


SAMPLES = st.floats(min_value=0, max_value=1, exclude_min=True)


def people(keys: Sequence[str]) -> list[ListedRecipient]:
    return [listed(key) for key in keys]


def chosen(keys: Sequence[str], shard: Any = None, sample: Any = 1.0) -> list[str]:
    return [each.key for each in read_selection(shard, sample).of(people(keys))]


def test_the_shards_of_a_list_are_named_by_number_and_count() -> None:
    assert shards(4) == ["1/4", "2/4", "3/4", "4/4"]
    assert shards(1) == ["1/1"]


@pytest.mark.parametrize("count", [0, -1, 2.0, "4", True, None], ids=repr)
def test_a_number_of_shards_that_is_not_a_whole_number_is_refused(count: Any) -> None:
    with pytest.raises(RcsInputError, match=r"^shards: .* is not a whole number of 1 or more\. Write shards\(4\)"):
        shards(count)


def test_the_shard_of_a_recipient_never_changes() -> None:
    assert [chosen(phones(10), shard) for shard in shards(3)] == [
        ["+34600000000", "+34600000005", "+34600000006", "+34600000007"],
        ["+34600000002", "+34600000003"],
        ["+34600000001", "+34600000004", "+34600000008", "+34600000009"],
    ]


def test_the_recipients_in_a_sample_never_change() -> None:
    assert chosen(phones(100), sample=0.05) == [
        "+34600000005",
        "+34600000016",
        "+34600000036",
        "+34600000044",
        "+34600000048",
        "+34600000054",
        "+34600000076",
    ]


@given(keys=KEYS, count=st.integers(1, 12))
def test_every_recipient_is_in_exactly_one_shard(keys: list[str], count: int) -> None:
    parts = [chosen(keys, shard) for shard in shards(count)]

    assert sorted(key for part in parts for key in part) == sorted(keys)


@given(keys=KEYS, samples=st.tuples(SAMPLES, SAMPLES).map(sorted), shard=st.sampled_from([None, *shards(3)]))
def test_a_larger_sample_contains_a_smaller_one(keys: list[str], samples: list[float], shard: str | None) -> None:
    smaller, larger = (chosen(keys, shard, sample) for sample in samples)

    assert set(smaller) <= set(larger)


@given(keys=KEYS)
def test_without_a_shard_or_a_sample_all_recipients_are_chosen_in_order(keys: list[str]) -> None:
    assert chosen(keys) == keys


@pytest.mark.slow
def test_a_sample_has_about_its_fraction_of_the_list_and_of_every_shard() -> None:
    listed_people = people(phones(40_000))

    sizes = [len(read_selection(shard, 0.1).of(listed_people)) for shard in [None, *shards(4)]]

    assert sizes == pytest.approx([4_000, 1_000, 1_000, 1_000, 1_000], rel=0.1)


def test_two_spellings_of_one_phone_are_in_one_shard() -> None:
    template = Template("1234567", "Welcome")
    columns = choose_columns(
        template, ["phone"], phone_column="phone", name_column=None, reference_column=None, variables=None
    )
    chunk = {"phone": ["600 000 001", "+34600000001", 34600000001]}
    spellings = read_recipients(chunk, columns, (), phone_rules=PhoneRules("ES"), first_row=1)

    assert sorted(len(read_selection(shard, 1).of(spellings)) for shard in shards(8)) == [0] * 7 + [3]


@pytest.mark.parametrize(
    ("shard", "sample", "selection"),
    [
        (None, 1, Selection()),
        ("2/4", 1.0, Selection((2, 4))),
        (" 10/12 ", "0.01", Selection((10, 12), 0.01)),
        (None, Decimal("0.5"), Selection(sample=0.5)),
        ("1/1", " 1 ", Selection((1, 1))),
    ],
    ids=str,
)
def test_a_selection_is_read_from_arguments(shard: Any, sample: Any, selection: Selection) -> None:
    assert read_selection(shard, sample) == selection


@pytest.mark.parametrize(
    "shard", ["", "2", "0/4", "2/0", "2 of 4", "-1/4", "2/4/6", "1.0/4", "٢/٤", 2, ("2", "4")], ids=repr
)
def test_a_value_that_is_not_a_shard_is_refused_by_name_with_an_example(shard: Any) -> None:
    with pytest.raises(RcsInputError, match=r'^shard: .* is not a shard\. .* such as "2/4", or leave it out\.$'):
        read_selection(shard, 1)


def test_a_shard_beyond_the_last_one_is_refused() -> None:
    with pytest.raises(RcsInputError, match=r"^shard: '5/4' is beyond the last one, 4/4\. Use one of the values that"):
        read_selection("5/4", 1)


@pytest.mark.parametrize("sample", [0, -0.1, 1.01, "", "5%", "0,5", None, True, "nan", "inf", [1]], ids=repr)
def test_a_value_that_is_not_a_fraction_is_refused_by_name_with_an_example(sample: Any) -> None:
    with pytest.raises(
        RcsInputError, match=r"^sample: .* is not a fraction of the list\. Use a number above 0 .* such as 0\.01\.$"
    ):
        read_selection(None, sample)
