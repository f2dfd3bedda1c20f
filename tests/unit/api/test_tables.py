from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from airflow_provider_rcs.api.tables import Column, aligned, aligned_lines


def test_numbers_are_aligned_right_and_texts_left() -> None:
    assert aligned(["state", "messages"], [("accepted", 1234), ("in doubt", 7)]).splitlines() == [
        "state     messages",
        "--------  --------",
        "accepted     1,234",
        "in doubt         7",
    ]


def test_a_table_without_rows_shows_its_headings() -> None:
    assert aligned(["state"], []).splitlines() == ["state", "-----"]


def test_a_long_table_is_read_in_parts_and_its_columns_widen() -> None:
    read: list[int] = []

    def rows() -> Iterator[tuple[str, int]]:
        for number, text in enumerate(["a", "bb", "a long text", "c"]):
            read.append(number)
            yield text, number

    lines = aligned_lines(["text", "n"], rows(), rows_at_once=2)

    assert [next(lines) for _ in range(4)] == ["text  n", "----  -", "a     0", "bb    1"]
    assert read == [0, 1]
    assert list(lines) == ["a long text  2", "c            3"]


def test_a_table_without_a_rule_has_numbers_without_separators() -> None:
    assert list(aligned_lines(["n"], [[1234]], is_ruled=False)) == ["   n", "1234"]


@pytest.mark.parametrize(
    ("value", "cell"),
    [("x", "x"), (0, 0), ("", "-"), (None, "-"), (datetime(2026, 5, 1, 12, 0, 7, tzinfo=UTC), "2026-05-01 12:00")],
)
def test_a_cell_is_its_value_or_a_dash_and_a_moment_to_the_minute(value: object, cell: object) -> None:
    assert Column("key", "heading").cell({"key": value}) == cell
