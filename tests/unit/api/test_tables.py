from __future__ import annotations

from airflow_provider_rcs.api.tables import aligned


def test_numbers_are_aligned_right_and_texts_left() -> None:
    assert aligned(["state", "messages"], [("accepted", 1234), ("in doubt", 7)]).splitlines() == [
        "state     messages",
        "--------  --------",
        "accepted     1,234",
        "in doubt         7",
    ]


def test_a_table_without_rows_shows_its_headings() -> None:
    assert aligned(["state"], []).splitlines() == ["state", "-----"]
