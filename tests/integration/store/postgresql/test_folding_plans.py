"""How many rows PostgreSQL reads for a fold, and for a refold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import psycopg
import pytest
import sqlalchemy as sa

from airflow_provider_rcs.store.inbox.folded_codes import AccountCodes
from airflow_provider_rcs.store.inbox.folding import fold
from airflow_provider_rcs.store.inbox.landing import land
from airflow_provider_rcs.store.inbox.refold import refold
from airflow_provider_rcs.store.outbox.settlement import Settlement, settle
from tests.unit.store.given import NOON, accepted, claim_next, land_and_fold, phones, planned, report_on, sent

REQUESTS, BATCH_SIZE = 40, 50
PEOPLE = phones(REQUESTS * BATCH_SIZE)


def test_fold_does_not_read_reports_again_for_each_request_without_statistics(
    engine_without_statistics: sa.Engine,
) -> None:
    engine = engine_without_statistics
    _send_and_land(engine)

    read = _rows_read_by_fold(engine, "rcs_report")

    assert read == len(PEOPLE)


@pytest.mark.parametrize("table", ["rcs_report", "rcs_message"])
def test_fold_reads_no_row_again_for_each_request_by_the_statistics_of_an_almost_empty_store(
    engine_without_statistics: sa.Engine, table: str
) -> None:
    engine = engine_without_statistics
    land_and_fold(engine, report_on(sent(engine, name="one recipient")))
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("ANALYZE")
    _send_and_land(engine)

    read = _rows_read_by_fold(engine, table)

    assert read <= len(PEOPLE) + 1


@pytest.mark.parametrize("table", ["rcs_report", "rcs_message"])
@pytest.mark.parametrize("services", [("RCS",), ("RCS", "SMS")], ids=["one channel", "two channels"])
def test_fold_reads_no_row_again_for_each_message_of_a_campaign_that_is_newer_than_the_statistics(
    engine_without_statistics: sa.Engine, table: str, services: tuple[str, ...]
) -> None:
    engine = engine_without_statistics
    _send_and_land(engine, "earlier", services)
    fold(engine)
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("ANALYZE")
    _send_and_land(engine, "later", services)

    read = _rows_read_by_fold(engine, table, len(services))

    assert read <= 2 * len(services) * len(PEOPLE)


def test_refold_reads_no_report_again_for_each_message(engine_without_statistics: sa.Engine) -> None:
    engine = engine_without_statistics
    for name in ("spring", "summer", "autumn"):
        _send_and_land(engine, name, ("RCS", "SMS"))
        fold(engine)
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("ANALYZE")
    _send_and_land(engine, "winter", ("RCS", "SMS"))
    fold(engine)

    with explained(engine, "PARTITION BY rcs_report.message_id", "DECLARE streamed CURSOR FOR ") as plans:
        refolded = [*refold(engine, AccountCodes("", {"13": "read"}), "winter")]

    assert sum(each.messages for each in refolded) == len(PEOPLE)
    assert max(_rows_read(node, "rcs_report") for node in plans) <= 2 * 4 * len(PEOPLE)


def test_a_fold_of_an_outgrown_store_analyses_a_tenth_of_the_usual_sample(
    engine_without_statistics: sa.Engine,
) -> None:
    _send_and_land(engine_without_statistics)

    fold(engine_without_statistics)

    bounds = "SELECT cardinality(histogram_bounds::text::text[]) FROM pg_stats WHERE tablename = %s AND attname = 'id'"
    with engine_without_statistics.connect() as connection:
        assert connection.exec_driver_sql(bounds, ("rcs_report",)).scalar_one() == 11
        assert connection.exec_driver_sql("SHOW default_statistics_target").scalar_one() == "100"


def _send_and_land(engine: sa.Engine, name: str = "spring", services: tuple[str, ...] = ("RCS",)) -> None:
    attempt = planned(engine, PEOPLE, name)
    for _ in range(REQUESTS):
        claim = claim_next(engine, attempt, BATCH_SIZE)
        settle(engine, [Settlement(claim, accepted(claim), "77")])
        for service in services:
            land(engine, [report_on(claim, each.phone, service=service) for each in claim.recipients], NOON)


def _rows_read_by_fold(engine: sa.Engine, table: str, reports_each: int = 1) -> float:
    """Fold, and return the most rows of the table that one step reads, or compares without a match."""
    with explained(engine, f" {table}") as plans:
        assert fold(engine) == reports_each * len(PEOPLE)
    return max(_rows_read(node, table) for node in plans)


@contextmanager
def explained(engine: sa.Engine, part: str, how: str = "") -> Iterator[list[dict[str, Any]]]:
    """Yield the steps of the plans of the statements that are run in the block, as they were run.

    :param part: what is in the text of the statements.
    :param how: how they are run, such as by a cursor.
    """
    nodes: list[dict[str, Any]] = []

    def explain(connection: sa.Connection, _: object, statement: str, parameters: Any, *__: object) -> None:
        # What is looked up by itself has no transaction to go back in, and reads no more than one report.
        if part in statement and not statement.startswith(("SELECT EXISTS", "ANALYZE", "\n")):
            cursor = psycopg.ClientCursor(cast("psycopg.Connection[Any]", connection.connection.dbapi_connection))
            cursor.execute("SAVEPOINT before")
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {how}{statement}", parameters)
            (((plan,),),) = cursor.fetchall()
            cursor.execute("ROLLBACK TO before")
            nodes.extend(_nodes(plan["Plan"]))

    sa.event.listen(engine, "before_cursor_execute", explain)
    try:
        yield nodes
    finally:
        sa.event.remove(engine, "before_cursor_execute", explain)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)


def _rows_read(node: dict[str, Any], table: str) -> float:
    if "Join Filter" in node:
        return float(node.get("Rows Removed by Join Filter", 0) * node["Actual Loops"])
    if node.get("Relation Name") != table or "Scan" not in node["Node Type"]:
        return 0
    filtered_out = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return float((node["Actual Rows"] + filtered_out) * node["Actual Loops"])
