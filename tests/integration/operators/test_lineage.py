"""The lineage of the operators, as Airflow's OpenLineage provider extracts it."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import BaseOperator, Context, ObjectStoragePath
from airflow.providers.openlineage.extractors import OperatorLineage
from airflow.providers.openlineage.extractors.manager import ExtractorManager
from airflow.utils.state import TaskInstanceState

from airflow_provider_rcs.operators.reports import RcsLandReportsOperator
from airflow_provider_rcs.transfers.reports_to_sql import RcsReportsToSqlOperator
from airflow_provider_rcs.transfers.sql_to_rcs import SqlToRcsOperator
from tests.integration.hooks.conftest import postgres_fields
from tests.integration.operators.test_rcs import PLAIN, operator, people

pytestmark = pytest.mark.usefixtures("sandbox", "store")

PHONE = "+34600000001"
LIST = f"""
    WITH buyer AS (SELECT customer_id FROM purchase)
    SELECT phone FROM customer JOIN buyer USING (customer_id) WHERE phone = '{PHONE}'
"""
WITHOUT_THE_PROVIDER = """
import importlib.metadata
import sys
from types import SimpleNamespace
import importlib_metadata

def without_openlineage(distributions):
    return lambda **arguments: (each for each in distributions(**arguments) if "openlineage" not in each.name)

for metadata in (importlib.metadata, importlib_metadata):
    metadata.distributions = without_openlineage(metadata.distributions)
for name in ("openlineage", "airflow.providers.openlineage"):
    sys.modules[name] = None

from airflow.sdk.execution_time.context import OutletEventAccessors
from airflow_provider_rcs.operators.rcs import RcsSendOperator
from airflow_provider_rcs.transfers.reports_to_sql import RcsReportsToSqlOperator
from airflow_provider_rcs.transfers.sql_to_rcs import SqlToRcsOperator
ti = SimpleNamespace(dag_id="dag", task_id="task", run_id="run", map_index=-1, try_number=1)
context = {"ti": ti, "outlet_events": OutletEventAccessors()}
results = []
for task in (
    RcsSendOperator(task_id="a", template_id="1234569", campaign="a", recipients=[{"phone": "+34600000001"}]),
    SqlToRcsOperator(task_id="b", template_id="1234569", campaign="b", sql="SELECT phone FROM customer",
                     sql_conn_id="warehouse"),
    RcsReportsToSqlOperator(task_id="c", target_conn_id="warehouse"),
):
    done = task.execute(context)
    results.append((done.get("accepted", done.get("campaigns")), task.get_openlineage_facets_on_complete(ti)))
print(results)
"""


@pytest.fixture
def warehouse(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A SQLite warehouse behind the connection ``warehouse``."""
    path = tmp_path / "warehouse.db"
    with sqlite3.connect(path) as database:
        database.executescript(f"""
            CREATE TABLE customer (customer_id INTEGER, phone TEXT);
            CREATE TABLE purchase (customer_id INTEGER);
            CREATE TABLE unsubscribed (phone TEXT);
            INSERT INTO customer VALUES (1, '{PHONE}');
            INSERT INTO purchase VALUES (1);
        """)
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps({"conn_type": "sqlite", "host": str(path)}))
    return path


def from_sql(sql: str = LIST, **changes: Any) -> SqlToRcsOperator:
    arguments = {"sql": sql, "sql_conn_id": "warehouse", "template_id": PLAIN, "campaign": "spring"}
    return SqlToRcsOperator(task_id="send", **(arguments | changes))


def lineage_of(task: BaseOperator) -> OperatorLineage[Any, Any]:
    return ExtractorManager().extract_metadata(
        SimpleNamespace(run_id="run"), task, TaskInstanceState.SUCCESS, SimpleNamespace()
    )


def names(datasets: list[Any]) -> list[tuple[str, str]]:
    return [(dataset.namespace, dataset.name) for dataset in datasets]


def lineage_names(task: BaseOperator) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    lineage = lineage_of(task)
    return names(lineage.inputs), names(lineage.outputs)


def test_the_lineage_of_a_query_leads_from_its_tables_to_the_campaign(context: Context, warehouse: Path) -> None:
    task = from_sql(exclude_sql="SELECT phone FROM unsubscribed")

    task.execute(context)

    inputs, outputs = lineage_names(task)
    assert sorted(inputs) == [
        (f"sqlite://{warehouse}", f"main.{table}") for table in ("customer", "purchase", "unsubscribed")
    ]
    assert outputs == [("rcs://store", "campaigns/spring")]


def test_the_lineage_contains_only_names(context: Context, warehouse: Path) -> None:
    task = from_sql()
    task.execute(context)

    lineage = lineage_of(task)

    assert [dataset.facets for dataset in (*lineage.inputs, *lineage.outputs)] == [{}] * 3
    assert (lineage.run_facets, lineage.job_facets) == ({}, {})


def test_the_lineage_of_a_dry_run_has_no_campaign(context: Context, warehouse: Path) -> None:
    task = from_sql("SELECT phone FROM customer", dry_run=True)

    task.execute(context)

    assert lineage_names(task) == ([(f"sqlite://{warehouse}", "main.customer")], [])


@pytest.mark.parametrize(
    ("where", "parameters"),
    [("phone = %s AND customer_id %% 2 = 1", [PHONE]), ("phone = %(phone)s", {"phone": PHONE})],
)
def test_postgresql_tables_are_named_by_their_hook_with_any_placeholders(
    context: Context, monkeypatch: pytest.MonkeyPatch, postgres_url: str, where: str, parameters: Any
) -> None:
    with psycopg.connect(postgres_url.replace("+psycopg", "")) as database:
        database.execute("CREATE TABLE customer (customer_id INTEGER, phone TEXT)")
        database.execute("INSERT INTO customer VALUES (1, %s)", [PHONE])
    fields = postgres_fields(postgres_url)
    monkeypatch.setenv("AIRFLOW_CONN_WAREHOUSE", json.dumps(fields))
    task = from_sql(f"SELECT phone FROM customer WHERE {where}", parameters=parameters)

    assert task.execute(context)["accepted"] == 1

    (((namespace, name),), outputs) = lineage_names(task)
    assert namespace.startswith("postgres://")
    assert name == f"{fields['schema']}.public.customer"
    assert outputs == [("rcs://store", "campaigns/spring")]


@pytest.mark.parametrize("kind", [str, ObjectStoragePath])
def test_the_lineage_of_a_file_leads_to_the_campaign(context: Context, tmp_path: Path, kind: type[Any]) -> None:
    (tmp_path / "people.csv").write_text(f"phone\n{PHONE}\n")
    task = operator("spring", kind(f"file://{tmp_path}/people.csv"))

    task.execute(context)

    assert lineage_names(task) == ([("file", f"{tmp_path}/people.csv")], [("rcs://store", "campaigns/spring")])


def test_the_lineage_of_a_file_in_a_bucket_leaves_out_its_connection() -> None:
    task = operator("spring", "s3://aws_default@marketing/lists/people.parquet")

    assert lineage_names(task) == ([("s3://marketing", "lists/people.parquet")], [("rcs://store", "campaigns/spring")])


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("s3://connection@marketing/lists/people.parquet/", "lists/people.parquet"),
        ("s3://marketing/lists/people-*.csv.gz", "lists"),
        ("s3://marketing/*/people.csv", "/"),
    ],
)
def test_a_folder_is_named_by_its_path_and_a_pattern_by_the_folder_that_it_searches(path: str, name: str) -> None:
    assert lineage_names(operator("spring", path))[0] == [("s3://marketing", name)]


def test_recipients_in_memory_have_no_source(context: Context) -> None:
    task = operator("spring", people(1))

    task.execute(context)

    assert lineage_names(task) == ([], [("rcs://store", "campaigns/spring")])


@pytest.mark.parametrize(
    ("source", "inputs"),
    [
        ({"sql": "SELECT phone AS body FROM customer", "sql_conn_id": "warehouse"}, ["main.customer"]),
        ({"path": "s3://aws_default@reports/pushed/*.json", "delete_files": True}, ["pushed"]),
        ({"bodies": "Estado=13&Movil=34600000001"}, []),
    ],
    ids=["query", "files", "bodies"],
)
def test_the_lineage_of_landing_leads_from_tables_and_files_to_the_reports(
    warehouse: Path, source: dict[str, Any], inputs: list[str]
) -> None:
    named, outputs = lineage_names(RcsLandReportsOperator(task_id="land", **source))

    assert [name for _, name in named] == inputs
    assert outputs == [("rcs://store", "reports")]


def test_the_lineage_of_a_load_leads_from_changed_campaigns_to_the_warehouse_tables(
    context: Context, warehouse: Path
) -> None:
    load = RcsReportsToSqlOperator(task_id="load", target_conn_id="warehouse")
    operator("winter", people(1)).execute(context)
    load.execute(context)
    operator("spring", people(1)).execute(context)

    load.execute(context)

    inputs, outputs = lineage_names(load)
    assert inputs == [("rcs://store", "campaigns/spring"), ("rcs://store", "reports")]
    assert outputs == [
        (f"sqlite://{warehouse}", f"main.{table}")
        for table in (
            "rcs_campaign",
            "rcs_message",
            "rcs_message_channel",
            "rcs_report",
            "rcs_inbound",
            "rcs_status_code",
        )
    ]


def test_without_the_openlineage_provider_no_lineage_is_returned_and_nothing_fails(
    store: sa.Engine, warehouse: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_THE_PROVIDER], capture_output=True, text=True, timeout=120, check=False
    )

    assert done.stdout.splitlines()[-1:] == ["[(1, None), (1, None), (2, None)]"], done.stderr
