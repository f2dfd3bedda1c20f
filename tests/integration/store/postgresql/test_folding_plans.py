"""How many reports PostgreSQL reads for a fold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.store.inbox.folding import fold
from airflow_provider_rcs.store.inbox.landing import land
from airflow_provider_rcs.store.outbox.settlement import Settlement, settle
from tests.unit.store.given import NOON, accepted, claim_next, phones, planned, report_on

REQUESTS, BATCH_SIZE = 40, 50


def test_fold_does_not_read_reports_again_for_each_request_without_statistics(
    engine_without_statistics: sa.Engine,
) -> None:
    engine = engine_without_statistics
    people = phones(REQUESTS * BATCH_SIZE)
    attempt = planned(engine, people)
    for _ in range(REQUESTS):
        claim = claim_next(engine, attempt, BATCH_SIZE)
        settle(engine, [Settlement(claim, accepted(claim), "77")])
        land(engine, [report_on(claim, each.phone) for each in claim.recipients], NOON)
    read: dict[str, float] = {}

    def explain(connection: sa.Connection, _: object, statement: str, parameters: Any, *__: object) -> None:
        # What is looked up by itself has no transaction to go back in, and reads no more than one report.
        if " rcs_report" in statement and not statement.startswith("SELECT EXISTS"):
            cursor = connection.connection.cursor()
            cursor.execute("SAVEPOINT before")
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
            (((plan,),),) = cursor.fetchall()
            cursor.execute("ROLLBACK TO before")
            read[statement] = max(map(_rows_read, _nodes(plan["Plan"])))

    sa.event.listen(engine, "before_cursor_execute", explain)
    try:
        fold(engine)
    finally:
        sa.event.remove(engine, "before_cursor_execute", explain)

    assert max(read.values()) == len(people)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)


def _rows_read(node: dict[str, Any]) -> float:
    """Return how many reports a node of a plan has read, including those it filtered out."""
    if node.get("Relation Name") != "rcs_report" or "Scan" not in node["Node Type"]:
        return 0
    filtered_out = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return float((node["Actual Rows"] + filtered_out) * node["Actual Loops"])
