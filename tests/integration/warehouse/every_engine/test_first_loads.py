"""Several first loads of a warehouse at once, as tasks of several DAGs start them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.warehouse.load import load
from tests.unit.warehouse.test_load import report, rows, send

LOADS = 4


def test_four_first_loads_at_once_all_succeed(store: sa.Engine, warehouse: sa.Engine) -> None:
    if warehouse.dialect.name == "duckdb":
        pytest.skip("a file of DuckDB is open in one process")
    report(store, send(store, "spring", ["+34600000001", "+34600000002"]), "+34600000001", "13")
    barrier = Barrier(LOADS)

    def load_at_once(_: int) -> None:
        barrier.wait()
        load(store, warehouse, None)

    with ThreadPoolExecutor(LOADS) as threads:
        list(threads.map(load_at_once, range(LOADS)))

    assert rows(warehouse, "SELECT phone, delivery_status FROM rcs_message ORDER BY phone") == [
        ("+34600000001", "delivered"),
        ("+34600000002", ""),
    ]
    assert rows(warehouse, "SELECT campaign, SUM(accepted) FROM rcs_campaign_funnel GROUP BY campaign") == [
        ("spring", 2)
    ]
