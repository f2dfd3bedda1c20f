"""How PostgreSQL finds what an erasure and a prune change in a store with a past: never by a whole table."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.store.db.inbox_tables import report
from airflow_provider_rcs.store.privacy.erasure import erase
from airflow_provider_rcs.store.privacy.old_rows import RetentionLimit
from airflow_provider_rcs.store.privacy.retention import prune
from tests.unit.store.given import ANA, BEA, count, land_and_fold, report_on, sent

COPIES = 12_000
# Copies of one row, each with another id and phone.
_COPIES = """
CREATE TEMPORARY TABLE copies ON COMMIT DROP AS
    SELECT copied.* FROM {table} AS copied, generate_series(1, {copies}) WHERE copied.phone = '{phone}';
CREATE TEMPORARY SEQUENCE numbers START 1000001;
UPDATE copies SET id = nextval('numbers'), {changes};
DROP SEQUENCE numbers;
INSERT INTO {table} SELECT * FROM copies;
"""
_CHANGES = {
    "rcs_message": "phone = '+347' || 10000000 + lastval(), recipient_key = '+347' || 10000000 + lastval()",
    "rcs_report": "phone = '+347' || 10000000 + lastval(), message_id = lastval()",
}


@pytest.fixture
def past(engine: sa.Engine) -> sa.Engine:
    """A store with one old campaign and a young one, in which 12,000 more have each a message and a report."""
    land_and_fold(engine, report_on(sent(engine, [ANA], "old")))
    land_and_fold(engine, report_on(sent(engine, [BEA], "young"), BEA))
    with engine.begin() as connection:
        for table, changes in _CHANGES.items():
            connection.exec_driver_sql(_COPIES.format(table=table, copies=COPIES, phone=BEA, changes=changes))
            connection.exec_driver_sql("DROP TABLE copies")
        connection.exec_driver_sql("UPDATE rcs_campaign SET created_at = '2020-01-01' WHERE name = 'old'")
        connection.exec_driver_sql(f"UPDATE rcs_message SET updated_at = '2020-01-01' WHERE phone = '{ANA}'")
        connection.exec_driver_sql(f"UPDATE rcs_report SET received_at = '2020-01-01' WHERE phone = '{ANA}'")
        connection.exec_driver_sql("ANALYZE")
    return engine


@contextmanager
def read_whole(engine: sa.Engine) -> Iterator[set[str]]:
    """Collect the statements that read a large table as a whole."""
    statements: set[str] = set()

    def explain(connection: sa.Connection, _: object, statement: str, parameters: Any, *__: object) -> None:
        if re.match("SELECT|UPDATE|DELETE", statement):
            cursor = connection.connection.cursor()
            cursor.execute(f"EXPLAIN {statement}", parameters)
            plan = "\n".join(line for (line,) in cursor.fetchall())
            if re.search(r"Seq Scan on (rcs_message|rcs_report)\b", plan):
                statements.add(statement)

    sa.event.listen(engine, "before_cursor_execute", explain)
    try:
        yield statements
    finally:
        sa.event.remove(engine, "before_cursor_execute", explain)


def test_an_erasure_reads_no_large_table_as_a_whole(past: sa.Engine) -> None:
    with read_whole(past) as statements:
        erased = erase(past, ANA, "a test", suppress=True)

    assert (len(erased.messages), len(erased.reports)) == (1, 1)
    assert statements == set()


def test_a_prune_reads_no_large_table_as_a_whole(past: sa.Engine) -> None:
    with read_whole(past) as statements:
        pruned = [each.rows for each in prune(past, RetentionLimit(datetime.now(UTC) - timedelta(days=180)))]

    assert sum(pruned) == 2
    assert count(past, report) == COPIES + 1
    assert statements == set()
