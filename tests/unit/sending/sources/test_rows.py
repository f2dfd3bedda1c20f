from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.recipients.chunks import ROWS_PER_CHUNK
from airflow_provider_rcs.sending.sources import chunks_of


def people(count: int) -> list[dict[str, Any]]:
    return [{"phone": number, "name": None if number % 2 else str(number)} for number in range(count)]


def test_an_iterator_yields_the_same_chunks_as_a_list_of_its_dicts() -> None:
    rows = people(ROWS_PER_CHUNK + 1)

    assert list(chunks_of(iter(rows))) == list(chunks_of(rows))


def test_an_iterator_is_read_one_chunk_at_a_time() -> None:
    made = 0

    def endless() -> Iterator[dict[str, Any]]:
        nonlocal made
        while True:
            made += 1
            yield {"phone": made}

    next(chunks_of(endless()))

    assert made == ROWS_PER_CHUNK


@pytest.mark.parametrize("give", [list, iter])
def test_a_key_missing_from_a_dict_is_an_empty_cell(give: Any) -> None:
    rows = [{"phone": "34600000001"}, {"phone": "34600000002", "name": "Ana"}]

    assert list(chunks_of(give(rows))) == [{"phone": ["34600000001", "34600000002"], "name": [None, "Ana"]}]


def test_a_key_that_appears_after_the_first_chunk_of_an_iterator_is_refused() -> None:
    rows = [*people(ROWS_PER_CHUNK), {"phone": 1, "city": "Cádiz"}]

    with pytest.raises(RcsInputError, match="the key 'city' is in none of the first 5000 dicts"):
        list(chunks_of(iter(rows)))


@pytest.mark.parametrize("give", [list, iter])
def test_an_entry_that_is_not_a_dict_is_refused(give: Any) -> None:
    with pytest.raises(RcsInputError, match="an entry of the list is not a dict"):
        list(chunks_of(give([{"phone": "34600000001"}, "34600000002"])))


@pytest.mark.parametrize("give", [list, iter])
def test_an_empty_source_has_no_chunks(give: Any) -> None:
    assert list(chunks_of(give([]))) == []


def test_a_key_that_is_not_text_is_a_column_of_its_text() -> None:
    assert list(chunks_of([{1: "Ana"}, {1: "Eva"}])) == [{"1": ["Ana", "Eva"]}]


def test_two_keys_with_the_same_text_are_refused() -> None:
    with pytest.raises(RcsInputError, match="two columns have the same name: '1'"):
        list(chunks_of([{1: "Ana", "1": "Eva"}]))


def test_keys_that_are_phones_are_not_quoted() -> None:
    rows = [{"34600000001": "Ana"}] * ROWS_PER_CHUNK + [{"34600000002": "Eva"}]

    with pytest.raises(RcsInputError, match="in a later one") as refused:
        list(chunks_of(iter(rows)))

    assert "34600" not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "[{'phone': '34600000001', 'page': 'https://example.org'}]",
        "phone,page\n34600000001,https://example.org\n",
        "https://example.org/ana\n34600000001",
        "34600000001",
        " file:///data/people.csv",
        "",
    ],
)
def test_a_list_that_a_template_rendered_to_text_is_refused_unquoted_with_both_ways_out(text: str) -> None:
    with pytest.raises(RcsInputError, match="recipients: a str is not a list of recipients") as refused:
        list(chunks_of(text))

    assert "34600" not in str(refused.value)
    assert "example.org" not in str(refused.value)
    assert "recipients=task.output" in str(refused.value)
    assert "render_template_as_native_obj=True" in str(refused.value)


def test_read_options_of_a_list_are_refused() -> None:
    with pytest.raises(RcsInputError, match="read_options: the recipients are not a CSV file"):
        list(chunks_of([{"phone": "1"}], {"separator": ";"}))
