from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.landing.raw_bodies import RawBody
from airflow_provider_rcs.landing.rows import bodies_of_rows, require_body

MOMENT = datetime(2026, 3, 1, 10, tzinfo=UTC)


def test_columns_are_found_in_any_case_and_others_are_ignored() -> None:
    rows: dict[str, Any] = {
        "BODY": ["a", b"b"],
        "Content_Type": ["x/y", None],
        "received_AT": [MOMENT, ""],
        "id": [1, 2],
    }

    assert list(bodies_of_rows([rows], "p/q")) == [RawBody(b"a", "x/y", MOMENT), RawBody(b"b", "p/q", None)]


@pytest.mark.parametrize(
    ("body", "content"),
    [(memoryview(b"a"), b"a"), ({"a": 1}, b'{"a": 1}'), (5, b"5"), (date(2026, 3, 1), b'"2026-03-01"')],
)
def test_a_body_of_any_type_of_the_database_is_kept(body: object, content: bytes) -> None:
    assert [raw.body for raw in bodies_of_rows([{"body": [body, None]}])] == [content]


def test_an_envelope_in_a_row_is_opened() -> None:
    assert list(bodies_of_rows([{"body": ['{"body": "a", "received_at": 1772359200}']}])) == [RawBody(b"a", "", MOMENT)]


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        (["id", "payload"], "sql: there is no column 'body'; the columns are 'id', 'payload'"),
        (["body", "BODY"], "differ only in upper and lower case"),
        (["body", "received_at", "RECEIVED_AT"], "differ only in upper and lower case"),
    ],
)
def test_columns_that_are_missing_or_uncertain_are_an_error(columns: list[str], problem: str) -> None:
    with pytest.raises(RcsInputError, match=problem):
        require_body(columns)
