"""New delivery reports start a load to the warehouse, by themselves.

Connections: ``rcs_store`` (the store that the receiver writes to) and ``warehouse`` (SQLite or PostgreSQL). The
triggerer must be running; it looks at the store every minute, and a run is started once for each batch of new reports.
"""

from __future__ import annotations

from datetime import datetime

import pendulum
from airflow.sdk import DAG, Asset, AssetWatcher

from airflow_provider_rcs.transfers.reports_to_sql import RcsReportsToSqlOperator
from airflow_provider_rcs.triggers.rcs import RcsReportsTrigger

reports = Asset(
    name="rcs_reports",
    uri="rcs://store/reports",
    watchers=[AssetWatcher(name="rcs_reports", trigger=RcsReportsTrigger(poll_interval=60))],
)

with DAG(
    dag_id="rcs_reports_on_arrival",
    description="New delivery reports start a load to the warehouse",
    schedule=[reports],
    start_date=datetime(2026, 1, 1, tzinfo=pendulum.UTC),
    catchup=False,
    max_active_runs=1,
    tags=["rcs", "example"],
    doc_md=__doc__,
):
    RcsReportsToSqlOperator(task_id="load", target_conn_id="warehouse", retries=3)
