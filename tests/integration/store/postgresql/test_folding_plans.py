"""How many rows PostgreSQL reads for a fold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.store.inbox.folding import fold
from airflow_provider_rcs.store.inbox.landing import land
from airflow_provider_rcs.store.outbox.settlement import Settlement, settle
from tests.unit.store.given import NOON, accepted, claim_next, land_and_fold, phones, planned, report_on, sent

REQUESTS, BATCH_SIZE = 40, 50
PEOPLE = phones(REQUESTS * BATCH_SIZE)


def test_fold_does_not_read_reports_again_for_each_request_without_statistics(
    engine_without_statistics: sa.Engine,
) -> None:
    engine = engine_without_statistics
    _send_and_land(engine)

    read = _rows_read_by_fold(engine, "rcs_report")

    assert read == len(PEOPLE)


@pytest.mark.parametrize("table", ["rcs_report", "rcs_message"])
def test_fold_reads_no_row_again_for_each_request_by_the_statistics_of_an_almost_empty_store(
    engine_without_statistics: sa.Engine, table: str
) -> None:
    engine = engine_without_statistics
    land_and_fold(engine, report_on(sent(engine, name="one recipient")))
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("ANALYZE")
    _send_and_land(engine)

    read = _rows_read_by_fold(engine, table)

    assert read <= len(PEOPLE) + 1


def _send_and_land(engine: sa.Engine) -> None:
    attempt = planned(engine, PEOPLE)
    for _ in range(REQUESTS):
        claim = claim_next(engine, attempt, BATCH_SIZE)
        settle(engine, [Settlement(claim, accepted(claim), "77")])
        land(engine, [report_on(claim, each.phone) for each in claim.recipients], NOON)


def _rows_read_by_fold(engine: sa.Engine, table: str) -> float:
    """Fold, and return the most rows of the table that one step reads, or compares without a match."""
    read: list[float] = []

    def explain(connection: sa.Connection, _: object, statement: str, parameters: Any, *__: object) -> None:
        # What is looked up by itself has no transaction to go back in, and reads no more than one report.
        if f" {table}" in statement and not statement.startswith(("SELECT EXISTS", "ANALYZE", "\n")):
            cursor = connection.connection.cursor()
            cursor.execute("SAVEPOINT before")
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
            (((plan,),),) = cursor.fetchall()
            cursor.execute("ROLLBACK TO before")
            read.extend(_rows_read(each, table) for each in _nodes(plan["Plan"]))

    sa.event.listen(engine, "before_cursor_execute", explain)
    try:
        assert fold(engine) == len(PEOPLE)
    finally:
        sa.event.remove(engine, "before_cursor_execute", explain)
    return max(read)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)


def _rows_read(node: dict[str, Any], table: str) -> float:
    if "Join Filter" in node:
        return float(node.get("Rows Removed by Join Filter", 0) * node["Actual Loops"])
    if node.get("Relation Name") != table or "Scan" not in node["Node Type"]:
        return 0
    filtered_out = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return float((node["Actual Rows"] + filtered_out) * node["Actual Loops"])
