"""Reading from outside the receiver what has landed in its store."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from airflow_provider_rcs.store.db import inbox_tables


def stored(store_url: str) -> list[int]:
    """Return the message ids of the reports in the store, sorted and without repetitions.

    On a slow machine a report whose commit takes too long is both committed and spooled; repetitions are harmless.
    """
    return sorted(set(map(int, stored_ids(store_url))))


def stored_ids(store_url: str) -> list[str]:
    """Return the message ids of the reports in the store, as they are stored."""
    return _read(store_url, sa.select(inbox_tables.report.c.api_message_id))


def unfolded(store_url: str) -> int:
    """Return how many reports have not been folded."""
    return int(_read(store_url, sa.select(sa.func.count()).where(inbox_tables.report.c.fold.is_(None)))[0])


def wait_until(condition: Callable[[], object], limit: float = 60) -> None:
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, f"the condition did not become true within {limit} s"
        time.sleep(0.05)


def _read(store_url: str, query: sa.Select[Any]) -> list[str]:
    engine = sa.create_engine(store_url)
    try:
        with engine.connect() as connection:
            return [str(value) for value in connection.execute(query).scalars()]
    finally:
        engine.dispose()
