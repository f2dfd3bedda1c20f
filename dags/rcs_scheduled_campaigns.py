"""Send scheduled campaigns to the service shortly before their date.

Use it where tasks of other DAGs plan campaigns, with ``send_at`` and ``scheduled_by="store"``. Until this DAG sends a
campaign, it can be cancelled (``airflow-rcs cancel``), and recipients who opt out are suppressed. Fill in how long
before the date. Connections: ``rcs_store`` (the ledger), and the RCS connections of those tasks (by default
``rcs_default``).
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
    default_args={"retries": 3},
    max_active_runs=1,
    tags=["rcs", "example"],
    doc_md=__doc__,
):
    RcsDispatchScheduledOperator(task_id="dispatch", lead=timedelta(minutes=30))
