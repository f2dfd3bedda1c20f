"""How PostgreSQL finds those whom a claim takes."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from tests.unit.store.given import claim_next, phones, planned


def test_a_claim_reads_no_more_than_it_takes_of_a_table_that_is_new_to_the_database(engine: sa.Engine) -> None:
    holder = planned(engine, phones(5_000))
    plans: list[str] = []

    def explain(connection: sa.Connection, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if statement.startswith("SELECT rcs_message.id, rcs_message.phone"):
            asked = connection.connection.cursor()
            asked.execute(f"EXPLAIN {statement}", parameters)
            plans.append("\n".join(line for (line,) in asked.fetchall()))

    sa.event.listen(engine, "before_cursor_execute", explain)
    try:
        claim_next(engine, holder, 1_000)
    finally:
        sa.event.remove(engine, "before_cursor_execute", explain)

    assert len(plans) == 1
    assert "Index Scan using" in plans[0]
    assert "Sort" not in plans[0]
