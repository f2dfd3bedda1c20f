"""How SQLite goes about what is new in the store; PostgreSQL decides anew for each size of table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from tests.unit.store.given import phones, sent
from tests.unit.store.test_exports import changed_since, channels_of, listening


@pytest.mark.parametrize("read", [changed_since, channels_of])
def test_a_page_of_messages_or_channels_is_read_in_the_order_of_an_index(
    engine: sa.Engine, read: Callable[[sa.Engine, int], object]
) -> None:
    sent(engine, phones(3))
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        asked.append((statement, parameters))

    with listening(engine, "before_cursor_execute", note):
        read(engine, 0)

    with engine.connect() as connection:
        plans = [
            row.detail
            for each in asked
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {each[0]}", each[1])
            if "LIMIT" in each[0]
        ]
    assert any("rcs_message" in step for step in plans)
    assert [step for step in plans if "TEMP B-TREE" in step] == []
