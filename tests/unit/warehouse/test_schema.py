"""Tables and views that are missing or of an older version."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.store.read.exports import store_identity
from airflow_provider_rcs.warehouse.load import Loaded, load
from airflow_provider_rcs.warehouse.tables import warehouse_tables
from airflow_provider_rcs.warehouse.views.funnel import FUNNEL
from tests.unit.warehouse.test_load import report, rows, send


@pytest.mark.slow
@pytest.mark.parametrize("table", ["rcs_message", "rcs_message_channel", "rcs_report"])
def test_a_missing_table_is_created_and_filled(store: sa.Engine, warehouse: sa.Engine, table: str) -> None:
    reference = send(store, "spring", ["+34600000001"])
    report(store, reference, "+34600000001", "50")
    report(store, reference, "+34600000001", "13", "SMS")
    load(store, warehouse, None)
    before = rows(warehouse, f"SELECT * FROM {table} ORDER BY 1, 2, 3")
    with warehouse.begin() as connection:
        for statement in ("DROP VIEW rcs_campaign_funnel", "DROP VIEW rcs_message_times", f"DROP TABLE {table}"):
            connection.execute(sa.text(statement))

    load(store, warehouse, None)

    assert rows(warehouse, f"SELECT * FROM {table} ORDER BY 1, 2, 3") == before


def replace_by_older_table(warehouse: sa.Engine, table: str, identity: str) -> None:
    """Replace a table by one with its first row, some of its columns and one that others added."""
    columns = "store VARCHAR(32), id BIGINT, mine VARCHAR(9), campaign TEXT, revision INT, fold INT"
    with warehouse.begin() as connection:
        for statement in (
            "DROP VIEW IF EXISTS rcs_campaign_funnel",
            "DROP VIEW IF EXISTS rcs_message_times",
            f"DROP TABLE {table}",
            f"CREATE TABLE {table} ({columns}, PRIMARY KEY (store, id))",
            f"INSERT INTO {table} VALUES ('{identity}', 1, 'theirs', 'spring', 1, 1)",
        ):
            connection.execute(sa.text(statement))


@pytest.mark.slow
def test_missing_columns_are_added_and_filled_and_foreign_columns_stay(store: sa.Engine, warehouse: sa.Engine) -> None:
    report(store, send(store, "spring", ["+34600000001"]), "+34600000001", "13")
    load(store, warehouse, None)
    for table in ("rcs_message", "rcs_report"):
        replace_by_older_table(warehouse, table, store_identity(store))

    assert load(store, warehouse, None) == Loaded(campaigns=1, messages=1, reports=1)

    assert rows(warehouse, "SELECT mine, delivery_status, name FROM rcs_message") == [
        ("theirs", "delivered", "P+34600000001")
    ]
    assert rows(warehouse, "SELECT mine, status_code, phone FROM rcs_report") == [("theirs", "13", "+34600000001")]
    assert load(store, warehouse, None) == Loaded(campaigns=0, messages=0, reports=0)


def test_a_view_of_an_older_version_is_replaced(store: sa.Engine, warehouse: sa.Engine) -> None:
    send(store, "spring", ["+34600000001"])
    load(store, warehouse, None)
    with warehouse.begin() as connection:
        connection.execute(sa.text("DROP VIEW rcs_campaign_funnel"))
        query = "SELECT store, account, campaign FROM rcs_message"
        connection.execute(sa.text(f"CREATE VIEW rcs_campaign_funnel AS {query}"))

    load(store, warehouse, None)

    assert rows(warehouse, "SELECT requested FROM rcs_campaign_funnel") == [(1,)]


def replace_view(warehouse: sa.Engine, query: str) -> None:
    with warehouse.begin() as connection:
        connection.execute(sa.text("DROP VIEW rcs_campaign_funnel"))
        connection.execute(sa.text(f"CREATE VIEW rcs_campaign_funnel AS {query}"))


def test_a_view_to_which_a_person_added_columns_stays(store: sa.Engine, warehouse: sa.Engine) -> None:
    send(store, "spring", ["+34600000001"])
    load(store, warehouse, None)
    funnel_query = FUNNEL.query(warehouse_tables(None), warehouse.dialect.name)
    extended = funnel_query.add_columns(sa.literal_column("42").label("mine"))
    replace_view(warehouse, str(extended.compile(warehouse, compile_kwargs={"literal_binds": True})))
    send(store, "summer", ["+34600000001"])

    load(store, warehouse, None)

    assert rows(warehouse, "SELECT campaign, mine FROM rcs_campaign_funnel ORDER BY campaign") == [
        ("spring", 42),
        ("summer", 42),
    ]


@pytest.mark.slow
def test_a_view_that_cannot_be_replaced_is_named_and_the_tables_are_loaded(
    store: sa.Engine, warehouse: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    load(store, warehouse, None)
    with warehouse.begin() as connection:
        connection.execute(sa.text("DROP VIEW rcs_campaign_funnel"))
        connection.execute(sa.text("CREATE TABLE rcs_campaign_funnel (theirs INT)"))
    send(store, "spring", ["+34600000001"])

    load(store, warehouse, None)

    assert rows(warehouse, "SELECT campaign FROM rcs_message") == [("spring",)]
    (line,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "rcs_campaign_funnel" in line
    assert "drop or rename it" in line
