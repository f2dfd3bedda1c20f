"""The queries of the pages on loads and on comparing templates, run on a loaded warehouse."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.warehouse.load import load
from tests.code_blocks import blocks
from tests.unit.warehouse.test_load import report, rows, send

TABLES = ("rcs_campaign", "rcs_message", "rcs_message_channel", "rcs_report", "rcs_campaign_funnel")
DOCS = Path(__file__).parents[3] / "docs"


def queries_of(page: str) -> list[str]:
    return blocks((DOCS / page).read_text(encoding="utf-8"), "sql")


QUERIES = queries_of("load-reports-into-a-warehouse.md")


def query_of(word: str) -> str:
    (query,) = (each for each in QUERIES if word in each)
    return query


def loaded(store: sa.Engine, warehouse: sa.Engine) -> None:
    """Load a campaign of three messages: one failed by RCS and delivered by SMS, one sent, one without a report."""
    phones = [f"+3460000000{number}" for number in range(3)]
    reference = send(store, "spring-sale", phones)
    for phone, code, service in ((phones[0], "50", "RCS"), (phones[0], "13", "SMS"), (phones[1], "12", "RCS")):
        report(store, reference, phone, code, service)
    load(store, warehouse, None)


def test_the_query_of_the_funnel_counts_a_day(store: sa.Engine, warehouse: sa.Engine) -> None:
    loaded(store, warehouse)

    ((_, *counts),) = rows(warehouse, query_of("SUM(requested)"))

    assert list(map(int, counts)) == [3, 3, 1, 0, 0]


def test_the_query_of_templates_counts_each_channel(store: sa.Engine, warehouse: sa.Engine) -> None:
    loaded(store, warehouse)

    found = rows(warehouse, query_of("GROUP BY template_id, channel"))

    assert [(template, channel, int(count)) for template, channel, count in found] == [
        ("1", "", 0),
        ("1", "RCS", 0),
        ("1", "SMS", 1),
    ]


def test_the_query_of_two_channels_finds_messages_that_sms_delivered(store: sa.Engine, warehouse: sa.Engine) -> None:
    loaded(store, warehouse)

    assert rows(warehouse, query_of("LIKE 'SMS%'")) == [("spring-sale", 1)]


def test_the_query_of_times_counts_what_was_delivered(store: sa.Engine, warehouse: sa.Engine) -> None:
    loaded(store, warehouse)

    ((campaign, delivered, _, read, to_reading),) = rows(warehouse, query_of("AVG(seconds_to_delivery)"))

    assert (campaign, delivered, read, to_reading) == ("spring-sale", 1, 0, None)


def test_the_query_of_codes_counts_reports_by_status(store: sa.Engine, warehouse: sa.Engine) -> None:
    loaded(store, warehouse)

    assert rows(warehouse, query_of("codes.status")) == [("delivered", 1), ("failed", 1), ("sent", 1)]


@pytest.mark.slow
def test_the_statements_to_load_everything_again_change_no_row(store: sa.Engine, warehouse: sa.Engine) -> None:
    loaded(store, warehouse)
    before = {table: rows(warehouse, f"SELECT * FROM {table} ORDER BY 1, 2, 3") for table in TABLES}
    with warehouse.begin() as connection:
        for statement in query_of("DELETE FROM rcs_load").splitlines():
            connection.exec_driver_sql(statement)

    loaded_again = load(store, warehouse, None)

    assert (loaded_again.campaigns, loaded_again.messages) == (1, 3)
    assert {table: rows(warehouse, f"SELECT * FROM {table} ORDER BY 1, 2, 3") for table in TABLES} == before


def test_every_query_of_the_page_is_run_here() -> None:
    assert len(QUERIES) == 6


def test_the_query_that_compares_two_templates_has_a_row_for_each(store: sa.Engine, warehouse: sa.Engine) -> None:
    for campaign, codes in (("spring/a", ("13", "13")), ("spring/b", ("13", "50"))):
        phones = [f"+3460000000{number}" for number in range(2)]
        reference = send(store, campaign, phones)
        for phone, code in zip(phones, codes, strict=True):
            report(store, reference, phone, code, "RCS")
    load(store, warehouse, None)

    (query,) = queries_of("compare-two-templates.md")
    found = [(campaign, template, *map(int, counts)) for campaign, template, *counts in rows(warehouse, query)]

    assert found == [("spring/a", "1", 2, 2, 0, 0), ("spring/b", "1", 2, 1, 0, 0)]
