"""After any changes of the store, loads of what is new leave the rows of one load into an empty warehouse."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_rcs.store.db.tables import metadata
from airflow_provider_rcs.warehouse.load import load
from airflow_provider_rcs.warehouse.tables import warehouse_tables
from tests.store_engines import disable_sync
from tests.unit.warehouse.any_change import OPERATIONS, Changes

TABLES = warehouse_tables(None)
COMPARED = (TABLES.campaign, TABLES.message, TABLES.channel, TABLES.report, TABLES.inbound)

OUTDATED_RANGES = """
    SELECT each.id FROM rcs_message each WHERE NOT EXISTS (
        SELECT 1 FROM rcs_changed_range kept WHERE kept.campaign_id = each.campaign_id
            AND kept.first_message_id = each.id / 64 * 64 AND kept.revision >= each.revision
    )"""


def all_rows(warehouse: sa.Engine) -> dict[str, dict[tuple[Any, ...], dict[str, Any]]]:
    """Return the rows of all tables of a warehouse by their keys: table -> key -> row."""
    found: dict[str, dict[tuple[Any, ...], dict[str, Any]]] = {}
    with warehouse.connect() as connection:
        for table in COMPARED:
            rows = [dict(row) for row in connection.execute(sa.select(table)).mappings()]
            found[table.name] = {tuple(row[key.name] for key in table.primary_key): row for row in rows}
    return found


def load_all(store: sa.Engine, warehouse: sa.Engine) -> dict[str, dict[tuple[Any, ...], dict[str, Any]]]:
    """Load everything into the empty warehouse, return its rows, and empty it."""
    load(store, warehouse, None)
    loaded = all_rows(warehouse)
    empty(warehouse, TABLES.metadata)
    return loaded


def empty(engine: sa.Engine, tables: sa.MetaData) -> None:
    with engine.begin() as connection:
        for table in reversed(tables.sorted_tables):
            if table.name != "rcs_store" and sa.inspect(connection).has_table(table.name):
                connection.execute(table.delete())


def outdated_ranges(store: sa.Engine) -> list[Any]:
    """Return the messages whose last change the range of their ids has not got."""
    with store.connect() as connection:
        return list(connection.execute(sa.text(OUTDATED_RANGES)).scalars())


def still_stored(rows: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    """Return the rows without the reports and replies that a prune has deleted in the store only."""
    pruned = ("rcs_report", "rcs_inbound")
    return {
        name: {key: row for key, row in of.items() if name not in pruned or key in whole[name]}
        for name, of in rows.items()
    }


def check_any_changes(store: sa.Engine, warehouse: sa.Engine, other: sa.Engine, steps: list[str], seed: int) -> None:
    for tables in (warehouse, other):
        empty(tables, TABLES.metadata)
    empty(store, metadata)
    changes = Changes(store, random.Random(seed))
    for step in steps:
        if step == "load":
            load(store, warehouse, None)
        else:
            changes.do(step)
        assert outdated_ranges(store) == []
    load(store, warehouse, None)

    whole = load_all(store, other)

    assert still_stored(all_rows(warehouse), whole) == whole


@pytest.fixture
def other(tmp_path: Path) -> Iterator[sa.Engine]:
    engine = sa.create_engine(f"sqlite:///{tmp_path}/other.db")
    sa.event.listen(engine, "connect", disable_sync)
    yield engine
    engine.dispose()


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(st.sampled_from(["load", "send", "report", *OPERATIONS]), min_size=5, max_size=20),
    seed=st.integers(0, 1_000),
)
@pytest.mark.slow
def test_any_changes_and_loads_end_in_the_rows_of_one_load(
    store: sa.Engine, warehouse: sa.Engine, other: sa.Engine, steps: list[str], seed: int
) -> None:
    check_any_changes(store, warehouse, other, steps, seed)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.slow
def test_a_load_after_each_kind_of_change_misses_nothing(
    store: sa.Engine, warehouse: sa.Engine, other: sa.Engine, operation: str
) -> None:
    before = ["send", "send", "claim", "claim", "lose reply", "report", "report", "reply", "refold", "load"]

    for seed in range(2):
        check_any_changes(store, warehouse, other, [*before, operation, "load", operation], seed)
