"""How PostgreSQL finds the reports of a fold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.store.inbox.folding import fold
from airflow_provider_rcs.store.inbox.landing import land
from airflow_provider_rcs.store.outbox.settlement import Settlement, settle
from tests.unit.store.given import NOON, accepted, claim_next, phones, planned, report_on

REQUESTS, A_REQUEST = 40, 50


def test_no_step_of_a_fold_reads_a_report_for_each_request_in_a_store_that_is_new_to_the_database(
    engine: sa.Engine,
) -> None:
    people = phones(REQUESTS * A_REQUEST)
    holder = planned(engine, people)
    for _ in range(REQUESTS):
        taken = claim_next(engine, holder, A_REQUEST)
        settle(engine, [Settlement(taken, accepted(taken), "77")])
        land(engine, [report_on(taken, each.phone) for each in taken.recipients], NOON)
    read: dict[str, float] = {}

    def explain(connection: sa.Connection, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if " rcs_report" in statement:
            asked = connection.connection.cursor()
            asked.execute("SAVEPOINT before")
            asked.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
            (((plan,),),) = asked.fetchall()
            asked.execute("ROLLBACK TO before")
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
    """Return how many reports a node of a plan has read, whether it passed them on or not."""
    if node.get("Relation Name") != "rcs_report" or "Scan" not in node["Node Type"]:
        return 0
    left_out = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return float((node["Actual Rows"] + left_out) * node["Actual Loops"])
