"""Send a campaign to one recipient in a hundred first, and to the rest only if few of those messages fail.

Use it for large lists. A hash of the phone chooses the recipients of the canary, so that a retry chooses the same ones.
The second send skips them, because nobody is messaged twice in a campaign. Fill in the query, the template, its
variables, and how many messages may fail. Connections: as in ``rcs_campaign``.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pendulum
from airflow.sdk import DAG, Param

from airflow_provider_rcs.sensors.rcs import RcsCampaignSensor
from airflow_provider_rcs.transfers.reports_to_sql import RcsReportsToSqlOperator
from airflow_provider_rcs.transfers.sql_to_rcs import SqlToRcsOperator

# Both sends share these arguments.
CAMPAIGN: dict[str, Any] = {
    "sql_conn_id": "warehouse",
    "sql": "SELECT customer_id, full_name, phone, order_number, delivery_day FROM customer",
    "template_id": "1234568",
    "campaign": "{{ params.campaign or dag.dag_id ~ '/' ~ run_id }}",
    "name_column": "full_name",
    "reference_column": "customer_id",
    "variables": {"Pedido": "order_number", "Fecha": "delivery_day"},
    "default_region": "ES",
}

with DAG(
    dag_id="rcs_campaign_canary",
    description="Send to 1%, send to the rest if few messages fail, wait for the reports, load them",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=pendulum.UTC),
    catchup=False,
    default_args={"retries": 3, "retry_delay": timedelta(seconds=20)},
    params={"campaign": Param("", type="string", description="Its name; by default the IDs of DAG and run")},
    tags=["rcs", "example"],
    doc_md=__doc__,
):
    canary = SqlToRcsOperator(task_id="canary", sample=0.01, **CAMPAIGN)

    watch = RcsCampaignSensor(
        task_id="watch",
        campaign="{{ ti.xcom_pull(task_ids='canary')['campaign'] }}",
        at_least=0.95,
        max_failure_rate=0.1,
        poke_interval=3,
        timeout=24 * 3600,
        deferrable=True,
    )

    send = SqlToRcsOperator(task_id="send", **CAMPAIGN)

    wait = RcsCampaignSensor(
        task_id="wait",
        campaign="{{ ti.xcom_pull(task_ids='canary')['campaign'] }}",
        at_least=0.99,
        poke_interval=3,
        timeout=24 * 3600,
        deferrable=True,
    )

    load = RcsReportsToSqlOperator(task_id="load", target_conn_id="warehouse")

    canary >> watch >> send >> wait >> load
