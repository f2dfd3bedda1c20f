"""What a send reads of a store with a past."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa

from airflow_provider_rcs.api.models import FrequencyCap, Template
from airflow_provider_rcs.sending.campaign import send_campaign
from airflow_provider_rcs.sending.settings import SendSettings
from airflow_provider_rcs.store.db.engine import engine_from_url
from airflow_provider_rcs.store.inbox.folding import fold_parked
from airflow_provider_rcs.store.outbox.attempts import StartedBy
from airflow_provider_rcs.store.read import exports
from benchmarks.big_store import Past, fill
from tests.stores import postgres_store, sqlite_store
from tests.unit.sending.service import Service
from tests.unit.store.given import TERMS

PAST = Past(campaigns=10, recipients=1_000, parked=200)
PEOPLE = [f"+346{number:08d}" for number in range(400)]
LARGE = ("rcs_message", "rcs_report")
OF_FEW = ("ix_rcs_report_unfolded", "ix_rcs_report_parked", "ix_rcs_report_parked_reference")


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    # A database of its own: statistics of this past would change the plans of other tests.
    with ExitStack() as stack:
        if request.param == "sqlite":
            url = sqlite_store(tmp_path_factory.mktemp("past") / "store.db")
        else:
            url = stack.enter_context(postgres_store(request.getfixturevalue("postgres")))
        engine = engine_from_url(url)
        fill(engine, PAST)
        yield engine
        engine.dispose()


@contextmanager
def read_in_full(engine: sa.Engine) -> Iterator[set[str]]:
    """Collect the statements whose plans read a large table, or one of its large indexes, from end to end."""
    found: set[str] = set()
    reads_in_full = _reads_in_full_on_sqlite if engine.dialect.name == "sqlite" else _reads_in_full_on_postgresql

    def explain(connection: sa.Connection, _: object, statement: str, parameters: Any, *__: object) -> None:
        if statement.startswith(("SELECT", "UPDATE")) and any(table in statement for table in LARGE):
            cursor = connection.connection.cursor()
            if reads_in_full(cursor, statement, parameters):
                found.add(statement)

    sa.event.listen(engine, "before_cursor_execute", explain)
    yield found
    sa.event.remove(engine, "before_cursor_execute", explain)


def _reads_in_full_on_sqlite(cursor: Any, statement: str, parameters: Any) -> bool:
    steps = [row[3] for row in cursor.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    return any(step.startswith(tuple(f"SCAN {table}" for table in LARGE)) or "(fold>?)" in step for step in steps)


def _reads_in_full_on_postgresql(cursor: Any, statement: str, parameters: Any) -> bool:
    # Of so small a store, PostgreSQL would rather read a table than an index that it has.
    cursor.execute("SET enable_seqscan = off")
    cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters)
    (((plan,),),) = cursor.fetchall()
    cursor.execute("RESET enable_seqscan")
    return any(
        node.get("Relation Name") in LARGE
        and "Index Cond" not in node
        and node["Node Type"] != "Bitmap Heap Scan"
        and node.get("Index Name") not in OF_FEW
        for node in _nodes(plan["Plan"])
        if "Scan" in node["Node Type"]
    )


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)


def send(engine: sa.Engine, people: list[str], cap: FrequencyCap | None) -> dict[str, Any]:
    return send_campaign(
        engine,
        Service(),
        Template(TERMS.template_id, TERMS.template_name),
        SendSettings(template_id=TERMS.template_id, campaign=uuid4().hex, frequency_cap=cap),
        [{"phone": people}],
        started_by=StartedBy(started_by="a test"),
        lease=timedelta(minutes=5),
    )


@pytest.mark.parametrize("people", [PEOPLE[:1], PEOPLE], ids=["one recipient", "many"])
@pytest.mark.parametrize("at_most", [None, 1, 1_000])
def test_a_send_reads_no_table_of_the_past_in_full(filled: sa.Engine, people: list[str], at_most: int | None) -> None:
    cap = None if at_most is None else FrequencyCap(at_most, timedelta(days=30))

    with read_in_full(filled) as found:
        sent = send(filled, people, cap)

    assert found == set()
    # Each phone of the past has ten messages, all of them of these days.
    assert sent["suppressed"] == (len(people) if at_most == 1 else 0)


def test_a_fold_of_parked_reports_reads_only_these(filled: sa.Engine) -> None:
    with read_in_full(filled) as found:
        assert fold_parked(filled) == 0

    assert found == set()


def test_a_page_of_reports_reads_only_their_messages(filled: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exports, "ROWS_PER_PAGE", 1_000)

    with read_in_full(filled) as found, filled.connect() as connection:
        page = next(exports.report_pages(filled, "a store", exports.Place(0, 0)))
        rows = connection.execute(page.rows).all()

    assert found == set()
    assert len(rows) == len([row for row in rows if row.campaign]) == 1_000
