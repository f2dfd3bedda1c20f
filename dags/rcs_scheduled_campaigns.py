"""Campaigns that wait for their date in the store are handed to the service shortly before it.

They are listed by tasks of other DAGs, with ``send_at`` and ``scheduled_by="store"``. Until this DAG sends a campaign,
it can be cancelled (``airflow-rcs cancel``), and whoever opts out is left out.

Connections: ``rcs_store`` (the ledger), and those that the tasks named (``rcs_default`` unless they said otherwise).
"""

from __future__ import annotations

from datetime import datetime, timedelta

import pendulum
from airflow.sdk import DAG

from airflow_provider_rcs.operators.scheduled import RcsDispatchScheduledOperator

with DAG(
    dag_id="rcs_scheduled_campaigns",
    description="Send the campaigns whose date is near",
    schedule=timedelta(minutes=5),
    start_date=datetime(2026, 1, 1, tzinfo=pendulum.UTC),
    catchup=False,
    max_active_runs=1,
    tags=["rcs", "example"],
    doc_md=__doc__,
):
    RcsDispatchScheduledOperator(task_id="dispatch", lead=timedelta(minutes=30))
