"""Statements for many rows at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_rcs.store.db.bulk import (
    ColumnTypes,
    insert_or_ignore,
    insert_or_update,
    rows_as_json,
    rows_from_json,
)
from airflow_provider_rcs.store.db.engine import transaction
from airflow_provider_rcs.store.db.tables import store
from airflow_provider_rcs.store.db.types import RowId, UtcDateTime
from tests.examples import examples
from tests.unit.store.given import NOON

COLUMNS: ColumnTypes = {
    "number": RowId,
    "text": sa.Text(),
    "moment": UtcDateTime(),
    "structure": sa.JSON(),
}

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


def back_from(engine: sa.Engine, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Return rows as the database reads them from JSON."""
    dialect = engine.dialect.name
    with engine.connect() as connection:
        found = connection.execute(sa.select(*rows_from_json(dialect, COLUMNS).c), rows_as_json(dialect, COLUMNS, rows))
        return [tuple(row) for row in found]


def folds(engine: sa.Engine) -> dict[int, int]:
    with engine.connect() as connection:
        return {row.id: row.fold for row in connection.execute(sa.select(store))}


def sum_of_both(new: Any) -> dict[str, Any]:
    return {"fold": store.c.fold + new.fold}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=examples(50), deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.integers(-(2**63), 2**63 - 1),
            st.none() | TEXTS,
            st.none() | st.datetimes(timezones=st.just(UTC)),
            st.dictionaries(TEXTS, TEXTS),
        )
    )
)
def test_rows_come_back_as_they_were(engine: sa.Engine, rows: list[tuple[Any, ...]]) -> None:
    assert back_from(engine, rows) == rows


def test_a_datetime_in_another_zone_comes_back_in_utc(engine: sa.Engine) -> None:
    in_spain = NOON.astimezone(timezone(timedelta(hours=2)))

    [(_, _, moment, _)] = back_from(engine, [(1, "", in_spain, {})])

    assert (moment, moment.utcoffset()) == (NOON, timedelta(0))


def test_a_datetime_without_a_zone_is_refused_on_sqlite() -> None:
    with pytest.raises(TypeError):
        rows_as_json("sqlite", COLUMNS, [(1, "", NOON.replace(tzinfo=None), {})])


def test_a_datetime_from_json_equals_the_same_one_from_a_bound_parameter(engine: sa.Engine) -> None:
    dialect = engine.dialect.name
    rows = rows_from_json(dialect, COLUMNS)
    same = sa.select(rows.c.moment == sa.bindparam("noon", NOON, UtcDateTime()))

    with engine.connect() as connection:
        assert connection.execute(same, rows_as_json(dialect, COLUMNS, [(1, "", NOON, {})])).scalar_one()


def test_values_that_json_cannot_hold_raise_a_type_error() -> None:
    with pytest.raises(TypeError):
        rows_as_json("sqlite", COLUMNS, [(1, "", object(), {})])


def test_an_empty_list_gives_no_rows(engine: sa.Engine) -> None:
    assert back_from(engine, []) == []


def test_years_before_1000_are_written_with_four_digits(engine: sa.Engine) -> None:
    early = datetime(99, 1, 1, tzinfo=UTC)

    [(_, _, moment, _)] = back_from(engine, [(1, "", early, {})])

    assert moment == early


def test_insert_or_ignore_skips_a_row_that_exists(engine: sa.Engine) -> None:
    with transaction(engine) as connection:
        insert_or_ignore(connection, store, [{"id": 1, "fold": 7}, {"id": 2, "fold": 7}], key=["id"])

    assert folds(engine) == {1: 0, 2: 7}


def test_insert_or_update_computes_from_the_old_and_the_new_row(engine: sa.Engine) -> None:
    with transaction(engine) as connection:
        for amount in (5, 7):
            insert_or_update(connection, store, [{"id": 2, "fold": amount}], ["id"], sum_of_both)

    assert folds(engine) == {1: 0, 2: 12}


def test_inserting_no_rows_does_nothing(engine: sa.Engine) -> None:
    with transaction(engine) as connection:
        insert_or_ignore(connection, store, [], key=["id"])
        insert_or_update(connection, store, [], ["id"], sum_of_both)

    assert folds(engine) == {1: 0}
