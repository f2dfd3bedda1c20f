"""Upserts with each engine's own statement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import mysql

from airflow_provider_rcs.warehouse.schema import create_or_extend_tables
from airflow_provider_rcs.warehouse.tables import WarehouseTables, warehouse_tables
from airflow_provider_rcs.warehouse.upserts import on_duplicate_key, upsert
from tests.examples import examples

MOMENT = datetime(2026, 11, 22, 9, 0, 1, 250_000, tzinfo=UTC)


def report_row(number: int, fold: int, **values: Any) -> dict[str, Any]:
    texts = ("service", "status_code", "agent", "phone", "campaign_reference", "message_reference", "reported_at_text")
    ids = ("api_campaign_id", "api_message_id", "reports_conn_id")
    nothing: dict[str, Any] = {"message_id": None, "campaign": None, "account": None, "reported_at": None, "extra": {}}
    return {"id": number, "fold": fold, "received_at": MOMENT, **dict.fromkeys(texts + ids, ""), **nothing, **values}


def created_tables(warehouse: sa.Engine) -> WarehouseTables:
    tables = warehouse_tables(None)
    create_or_extend_tables(warehouse, tables)
    return tables


def upsert_rows(warehouse: sa.Engine, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    with warehouse.begin() as connection:
        upsert(connection, table, rows)


def read(warehouse: sa.Engine, table: sa.Table) -> list[dict[str, Any]]:
    with warehouse.connect() as connection:
        return [dict(row) for row in connection.execute(sa.select(table).order_by(table.c.id)).mappings()]


def test_texts_moments_and_nulls_are_stored_unchanged(warehouse: sa.Engine) -> None:
    table = created_tables(warehouse).report
    text = 'ñ 😀 "quoted" \'single\' \\ :name %s %(x)s ? \n {"a": 1}'
    row = report_row(2**40, 1, service=text, extra={"a": [1, {"b": text}]}, campaign=text)

    upsert_rows(warehouse, table, [row])

    (found,) = read(warehouse, table)
    assert found.pop("received_at").replace(tzinfo=UTC) == row.pop("received_at")
    assert found == row


def test_a_row_replaces_the_existing_one_unless_that_one_is_newer(warehouse: sa.Engine) -> None:
    table = created_tables(warehouse).report
    upsert_rows(warehouse, table, [report_row(number, 5, service="there", agent="there") for number in (1, 2, 3)])

    upsert_rows(
        warehouse,
        table,
        [report_row(number, fold, service="new", agent="new") for number, fold in enumerate((4, 5, 6, 1), 1)],
    )

    assert [(row["id"], row["fold"], row["service"], row["agent"]) for row in read(warehouse, table)] == [
        (1, 5, "there", "there"),
        (2, 5, "new", "new"),
        (3, 6, "new", "new"),
        (4, 1, "new", "new"),
    ]


def test_more_rows_than_fit_in_one_statement_are_all_inserted(warehouse: sa.Engine) -> None:
    table = created_tables(warehouse).report

    upsert_rows(warehouse, table, [report_row(number, 1) for number in range(1_201)])

    assert len(read(warehouse, table)) == 1_201


def test_an_upsert_of_no_rows_does_nothing(warehouse: sa.Engine) -> None:
    table = created_tables(warehouse).report

    upsert_rows(warehouse, table, [])

    assert read(warehouse, table) == []


BATCHES = st.lists(
    st.dictionaries(st.integers(1, 5), st.integers(1, 9), max_size=5).map(lambda rows: list(rows.items())), max_size=4
)


@settings(max_examples=examples(15), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=BATCHES)
def test_the_newest_version_of_each_row_stays_in_any_order_of_upserts(
    warehouse: sa.Engine, batches: list[list[tuple[int, int]]]
) -> None:
    table = created_tables(warehouse).report
    with warehouse.begin() as connection:
        connection.execute(table.delete())

    for rows in batches:
        upsert_rows(warehouse, table, [report_row(number, fold, service=f"of {fold}") for number, fold in rows])

    newest: dict[int, int] = {}
    for number, fold in (row for rows in batches for row in rows):
        newest[number] = max(fold, newest.get(number, 0))
    assert {row["id"]: (row["fold"], row["service"]) for row in read(warehouse, table)} == {
        number: (fold, f"of {fold}") for number, fold in newest.items()
    }


def test_mysql_assigns_the_version_after_the_columns_that_depend_on_it() -> None:
    campaign = warehouse_tables(None).campaign
    row = {
        "id": 1,
        "revision": 2,
        **dict.fromkeys(("name", "template_id", "template_name", "agent", "account", "rcs_conn_id"), ""),
    }

    text = str(on_duplicate_key(campaign, [row]).compile(dialect=mysql.dialect()))

    updated = text.partition("ON DUPLICATE KEY UPDATE ")[2]
    is_newer = "VALUES(revision) >= rcs_campaign.revision"
    assert updated.startswith(f"name = if({is_newer}, VALUES(name), rcs_campaign.name), ")
    assert updated.endswith(f"revision = if({is_newer}, VALUES(revision), rcs_campaign.revision)")
