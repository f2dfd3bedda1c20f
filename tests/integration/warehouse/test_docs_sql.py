"""Every statement of SQL that the pages show is one that the store or the warehouse takes, by its names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.warehouse.load import load
from tests.code_blocks import numbered_blocks
from tests.databases import fresh_database
from tests.stores import postgres_store

DOCS = Path(__file__).parents[3] / "docs"
# Run by tests/integration/store/test_backup.py and tests/integration/transfers/test_questions_as_sql.py, on SQLite too.
RUN_ELSEWHERE = ("back-up-and-restore.md", "questions-as-sql.md")


def statements() -> Iterator[tuple[str, str]]:
    """Yield (page and line, statement) of every block of SQL."""
    for page in sorted(each for each in DOCS.rglob("*.md") if each.name not in RUN_ELSEWHERE):
        for line, text in numbered_blocks(page.read_text(encoding="utf-8"), "sql"):
            for statement in filter(None, map(str.strip, text.split(";"))):
                yield f"{page.name}:{line}", statement


@pytest.fixture(scope="module")
def engines(postgres: str) -> Iterator[tuple[sa.Engine, sa.Engine]]:
    """An empty store, and a warehouse that it was loaded into."""
    with postgres_store(postgres) as store_url, fresh_database(postgres) as warehouse_url:
        store, warehouse = engine_from_url(store_url), sa.create_engine(warehouse_url)
        load(store, warehouse, None)
        yield store, warehouse
        store.dispose()
        warehouse.dispose()


def refusal(engine: sa.Engine, statement: str) -> str:
    """Return why PostgreSQL cannot plan a statement; empty if it can."""
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"EXPLAIN {statement.replace('%', '%%')}")
    except sa.exc.DBAPIError as error:
        return str(error.orig)
    return ""


@pytest.mark.parametrize(("place", "statement"), [*statements()])
def test_the_store_or_the_warehouse_takes_the_statement(
    engines: tuple[sa.Engine, sa.Engine], place: str, statement: str
) -> None:
    refusals = [refusal(engine, statement) for engine in engines]

    assert "" in refusals, (place, refusals)
