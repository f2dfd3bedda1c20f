"""Inserts that meet rows which are there already."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine

from airflow_provider_rcs.store.db.bulk import insert_or_ignore, insert_or_update
from airflow_provider_rcs.store.db.engine import transaction
from airflow_provider_rcs.store.db.tables import store


def folds(engine: Engine) -> dict[int, int]:
    with engine.connect() as connection:
        return {row.id: row.fold for row in connection.execute(sa.select(store))}


def sum_of_both(new: Any) -> dict[str, Any]:
    return {"fold": store.c.fold + new.fold}


def test_a_row_that_is_there_already_is_left_as_it_is(engine: Engine) -> None:
    with transaction(engine) as connection:
        insert_or_ignore(connection, store, [{"id": 1, "fold": 7}, {"id": 2, "fold": 7}], key=["id"])

    assert folds(engine) == {1: 0, 2: 7}


def test_a_row_that_is_there_already_is_changed_from_what_it_was_and_what_came(engine: Engine) -> None:
    with transaction(engine) as connection:
        for amount in (5, 7):
            insert_or_update(connection, store, [{"id": 2, "fold": amount}], ["id"], sum_of_both)

    assert folds(engine) == {1: 0, 2: 12}


def test_no_rows_are_no_statement(engine: Engine) -> None:
    with transaction(engine) as connection:
        insert_or_ignore(connection, store, [], key=["id"])
        insert_or_update(connection, store, [], ["id"], sum_of_both)

    assert folds(engine) == {1: 0}
