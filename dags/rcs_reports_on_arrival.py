"""Load delivery reports into the warehouse whenever new ones have arrived.

Use it beside the DAGs that send, so that none of them has to wait for its reports. Connections: ``rcs_store`` (the
store that the receiver writes to) and ``warehouse`` (any SQL database). The triggerer must be running: it checks the
store every minute, and each batch of new reports starts one run.
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
    description="Load delivery reports whenever new ones have arrived",
    schedule=[reports],
    start_date=datetime(2026, 1, 1, tzinfo=pendulum.UTC),
    catchup=False,
    default_args={"retries": 3},
    max_active_runs=1,
    tags=["rcs", "example"],
    doc_md=__doc__,
):
    RcsReportsToSqlOperator(task_id="load", target_conn_id="warehouse")
