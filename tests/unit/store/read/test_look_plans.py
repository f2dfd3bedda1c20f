"""What sensors, triggers, the page and the list of campaigns ask reads no message and no report that is folded."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.store.campaign.schedules import scheduled_campaigns
from airflow_provider_rcs.store.db.inbox_tables import report
from airflow_provider_rcs.store.db.tables import campaign as campaigns
from airflow_provider_rcs.store.db.tables import message, request
from airflow_provider_rcs.store.inbox.backlog import read_backlog
from airflow_provider_rcs.store.inbox.cursors import read_new_reports
from airflow_provider_rcs.store.inbox.silence import (
    read_campaigns_to_warn_about,
    read_report_health,
    read_silent_campaigns,
)
from airflow_provider_rcs.store.read.course import read_course
from airflow_provider_rcs.store.read.funnel import read_funnel, read_funnels
from airflow_provider_rcs.store.read.overview import read_progress
from tests.unit.store.given import ANA, campaign, land_and_fold, report_on, sent

LOOKS: dict[str, Callable[[sa.Engine], object]] = {
    "funnel": lambda engine: read_funnel(engine, "spring"),
    "funnels": lambda engine: read_funnels(engine, ["spring", "autumn"]),
    "course": lambda engine: read_course(engine, "spring"),
    "progress": read_progress,
    "health": lambda engine: read_report_health(engine, datetime.now(UTC)),
    "silent": lambda engine: read_silent_campaigns(engine, ["autumn"]),
    "warnings": lambda engine: read_campaigns_to_warn_about(engine, datetime.now(UTC), None),
    "new reports": lambda engine: read_new_reports(engine, 0),
    "backlog": read_backlog,
    "schedules": scheduled_campaigns,
}

# Tables that grow with the messages, and the few indexes of few rows by which they may be read.
LARGE = ("rcs_message", "rcs_report", "rcs_request", "rcs_inbound")
SMALL_INDEXES = re.compile(
    r"ix_rcs_report_(unfolded|parked|parked_reference|set_aside)|ix_rcs_inbound_unapplied|ix_rcs_request_campaign_id"
    # Those without a fold, which have not been folded yet.
    r"|ix_rcs_report_fold \(fold=\?\)"
)
# Guarded by a count: read only while a message is planned, by whichever index PostgreSQL finds cheapest.
GUARDED = {"schedules": "rcs_message"}


@contextmanager
def plans(engine: sa.Engine) -> Iterator[list[str]]:
    """Collect a line for each step of the plans of the statements in a block."""
    found: list[str] = []

    def explain(connection: sa.Connection, _: object, statement: str, parameters: Any, *__: object) -> None:
        if statement.startswith("SELECT"):
            cursor = connection.connection.cursor()
            if engine.dialect.name == "sqlite":
                cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            else:
                # Tables as small as these would be read whole. Scans of bitmaps name the table and the index apart.
                cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
                cursor.execute(f"EXPLAIN {statement}", parameters)
            found.extend(str(row[-1]) for row in cursor.fetchall())

    sa.event.listen(engine, "before_cursor_execute", explain)
    try:
        yield found
    finally:
        sa.event.remove(engine, "before_cursor_execute", explain)


def add_other_campaigns(engine: sa.Engine) -> None:
    """Give PostgreSQL a reason to choose between indexes: of a table with one row, it takes any."""
    if engine.dialect.name != "postgresql":
        return
    with engine.begin() as connection:
        for table, key, values, copies in COPIES:
            same = ", ".join(column.name for column in table.columns if column.name not in ("id", *key))
            connection.exec_driver_sql(
                f"INSERT INTO {table.name} ({', '.join(key)}, {same}) SELECT {values}, {same} FROM {copies}"
            )
            connection.exec_driver_sql(f"ANALYZE {table.name}")


ONE = "(SELECT * FROM {} ORDER BY id LIMIT 1) AS one"
OTHERS = "(SELECT id AS other FROM rcs_campaign WHERE name LIKE 'other %%') AS others"
COPIES = (
    (
        campaigns,
        ("name", "token"),
        "'other ' || n, 'other' || n",
        f"{ONE.format('rcs_campaign')}, generate_series(1, 50) AS n",
    ),
    (
        request,
        ("campaign_id", "reference"),
        "other, other || '-' || n",
        f"{ONE.format('rcs_request')}, {OTHERS}, generate_series(1, 40) AS n",
    ),
    (
        message,
        ("campaign_id", "recipient_key"),
        "other, 'copy-' || n",
        f"{ONE.format('rcs_message')}, {OTHERS}, generate_series(1, 100) AS n",
    ),
    (report, ("campaign_reference",), "'copy-' || n", f"{ONE.format('rcs_report')}, generate_series(1, 5000) AS n"),
)


@pytest.mark.parametrize("look", LOOKS)
def test_a_look_reads_large_tables_by_indexes_of_few_rows_alone(engine: sa.Engine, look: str) -> None:
    campaign(engine, "autumn")
    land_and_fold(engine, report_on(sent(engine), ANA))
    add_other_campaigns(engine)
    with plans(engine) as steps:
        LOOKS[look](engine)

    of_large = [step for step in steps if re.search(rf"(Scan.* on|SEARCH|SCAN) ({'|'.join(LARGE)})\b", step)]
    unguarded = [step for step in of_large if GUARDED.get(look, "none") not in step]
    assert [step for step in unguarded if not SMALL_INDEXES.search(step)] == []
