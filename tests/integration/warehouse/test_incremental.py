"""On PostgreSQL, too, loads of what is new leave the rows of one load, after any changes of the store."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from tests.databases import fresh_database
from tests.unit.warehouse.any_change import OPERATIONS
from tests.unit.warehouse.test_incremental import check_any_changes


@pytest.fixture
def other(postgres: str) -> Iterator[sa.Engine]:
    with fresh_database(postgres) as url:
        engine = sa.create_engine(url)
        yield engine
        engine.dispose()


def test_a_load_after_each_kind_of_change_misses_nothing(
    store: sa.Engine, warehouse: sa.Engine, other: sa.Engine
) -> None:
    before = ["send", "send", "claim", "claim", "lose reply", "report", "report", "reply", "refold", "load"]
    changes = [step for operation in OPERATIONS for step in (operation, "report", "load")]

    for seed in range(3):
        check_any_changes(store, warehouse, other, [*before, *changes], seed)
