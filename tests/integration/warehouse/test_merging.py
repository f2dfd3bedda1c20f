"""Transfers by MERGE from a staging table, run on PostgreSQL, which supports MERGE too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.warehouse.merging import staging_table
from airflow_provider_rcs.warehouse.pages import Page
from airflow_provider_rcs.warehouse.phones import MASKED, PLAIN, PhoneForm, hashed
from airflow_provider_rcs.warehouse.tables import warehouse_tables
from tests.store_engines import engine as store
from tests.store_engines import postgres_engine, shared_postgres_engine, shared_sqlite_engine, sqlite_engine
from tests.unit.warehouse.given_pages import Row, created_tables, page_of, read, row, transfer_page
from tests.unit.warehouse.test_transfer import CONTENTS, MOMENTS, TEXTS

__all__ = ["postgres_engine", "shared_postgres_engine", "shared_sqlite_engine", "sqlite_engine", "store"]


@pytest.fixture
def table(warehouse: sa.Engine) -> sa.Table:
    table = warehouse_tables(None).report
    created_tables(warehouse)
    staging_table(table).create(warehouse)
    return table


def merge_rows(
    store: sa.Engine, warehouse: sa.Engine, table: sa.Table, rows: Sequence[Row], phones: PhoneForm = PLAIN
) -> int:
    with page_of(store, table, rows) as page:
        return transfer_page(store, warehouse, Page(page, table), phones)


@pytest.mark.parametrize("phones", [PLAIN, hashed("key"), MASKED], ids=["plain", "hashed", "masked"])
def test_values_arrive_unchanged_and_phones_in_their_form(
    store: sa.Engine, warehouse: sa.Engine, table: sa.Table, phones: PhoneForm
) -> None:
    texts = [row(table, id=number, service=text, campaign=text, phone=text) for number, text in enumerate(TEXTS)]
    moments = [row(table, id=100 + number, reported_at=moment) for number, moment in enumerate(MOMENTS)]
    contents = [row(table, id=200 + number, extra=content) for number, content in enumerate(CONTENTS)]
    rows = [*texts, *moments, *contents]

    assert merge_rows(store, warehouse, table, rows, phones) == len(rows)

    shown = [
        {**each, "phone": phones.show(each["phone"]), "extra": each["extra"] if phones.with_extra else {}}
        for each in rows
    ]
    assert read(warehouse, table) == shown


def test_a_row_replaces_the_existing_one_unless_that_one_is_newer(
    store: sa.Engine, warehouse: sa.Engine, table: sa.Table
) -> None:
    existing = [row(table, id=number, fold=5, service="there", extra={"a": 1}) for number in (1, 2, 3)]
    merge_rows(store, warehouse, table, existing)

    later = [row(table, id=number, fold=fold, service="new") for number, fold in enumerate((4, 5, 6, 1), 1)]
    merge_rows(store, warehouse, table, later)

    assert [(each["id"], each["fold"], each["service"], each["extra"]) for each in read(warehouse, table)] == [
        (1, 5, "there", {"a": 1}),
        (2, 5, "new", {}),
        (3, 6, "new", {}),
        (4, 1, "new", {}),
    ]


def test_a_merge_empties_the_staging_table_of_its_own_rows_only(
    store: sa.Engine, warehouse: sa.Engine, table: sa.Table
) -> None:
    staging = staging_table(table)
    another: dict[str, Any] = {**row(table, id=9), "load_id": "another"}
    with warehouse.begin() as connection:
        connection.execute(staging.insert(), [another])

    merge_rows(store, warehouse, table, [row(table, id=1)])

    with warehouse.connect() as connection:
        assert connection.execute(sa.select(staging.c.load_id)).scalars().all() == ["another"]
    assert [each["id"] for each in read(warehouse, table)] == [1]
