"""How PostgreSQL finds the messages of a claim."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from tests.unit.store.given import claim_next, phones, planned


def test_claim_reads_only_what_it_takes_from_a_table_without_statistics(engine_without_statistics: sa.Engine) -> None:
    engine = engine_without_statistics
    attempt = planned(engine, phones(5_000))
    plans: list[str] = []

    def explain(connection: sa.Connection, _: object, statement: str, parameters: Any, *__: object) -> None:
        if statement.startswith("SELECT rcs_message.id, rcs_message.phone"):
            cursor = connection.connection.cursor()
            cursor.execute(f"EXPLAIN {statement}", parameters)
            plans.append("\n".join(line for (line,) in cursor.fetchall()))

    sa.event.listen(engine, "before_cursor_execute", explain)
    try:
        claim_next(engine, attempt, 1_000)
    finally:
        sa.event.remove(engine, "before_cursor_execute", explain)

    assert len(plans) == 1
    assert "Index Scan using" in plans[0]
    assert "Sort" not in plans[0]
