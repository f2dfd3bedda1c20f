from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.recipients.columns import ROWS_PER_CHUNK
from airflow_provider_rcs.sending.sources import chunks_of


def people(count: int) -> list[dict[str, Any]]:
    return [{"phone": number, "name": None if number % 2 else str(number)} for number in range(count)]


def test_an_iterator_gives_the_chunks_of_a_list_of_the_same_dicts() -> None:
    rows = people(ROWS_PER_CHUNK + 1)

    assert list(chunks_of(iter(rows))) == list(chunks_of(rows))


def test_an_iterator_is_asked_for_no_more_than_the_chunk_that_is_read() -> None:
    made = 0

    def endless() -> Iterator[dict[str, Any]]:
        nonlocal made
        while True:
            made += 1
            yield {"phone": made}

    next(chunks_of(endless()))

    assert made == ROWS_PER_CHUNK


@pytest.mark.parametrize("give", [list, iter])
def test_a_key_that_a_dict_lacks_is_a_cell_without_a_value(give: Any) -> None:
    rows = [{"phone": "34600000001"}, {"phone": "34600000002", "name": "Ana"}]

    assert list(chunks_of(give(rows))) == [{"phone": ["34600000001", "34600000002"], "name": [None, "Ana"]}]


def test_a_key_that_comes_too_late_in_an_iterator_is_refused_and_not_passed_over() -> None:
    rows = [*people(ROWS_PER_CHUNK), {"phone": 1, "city": "Cádiz"}]

    with pytest.raises(RcsInputError, match="the key 'city' is in none of the first 5000 dicts"):
        list(chunks_of(iter(rows)))


@pytest.mark.parametrize("give", [list, iter])
def test_what_is_not_a_dict_is_refused(give: Any) -> None:
    with pytest.raises(RcsInputError, match="an entry of the list is not a dict"):
        list(chunks_of(give([{"phone": "34600000001"}, "34600000002"])))


@pytest.mark.parametrize("give", [list, iter])
def test_no_rows_are_no_chunks(give: Any) -> None:
    assert list(chunks_of(give([]))) == []
