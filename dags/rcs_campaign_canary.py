"""A campaign that is tried on one recipient in a hundred first, and goes on only if few of those messages fail.

The recipients of the canary are chosen by a hash of their phones: the same ones in a retry, and the second send goes to
everybody else, because nobody is messaged twice in a campaign. Connections: as in ``rcs_campaign``.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pendulum
from airflow.sdk import DAG, Param

from airflow_provider_rcs.sensors.rcs import RcsCampaignSensor
from airflow_provider_rcs.transfers.reports_to_sql import RcsReportsToSqlOperator
from airflow_provider_rcs.transfers.sql_to_rcs import SqlToRcsOperator

# What is sent to both parts of the list: the same, so it is written once.
CAMPAIGN: dict[str, Any] = {
    "sql_conn_id": "warehouse",
    "sql": "SELECT customer_id, full_name, phone, order_number, delivery_day FROM customer",
    "template_id": "1234568",
    "campaign": "{{ params.campaign or run_id }}",
    "name": "full_name",
    "reference": "customer_id",
    "variables": {"Pedido": "order_number", "Fecha": "delivery_day"},
    "default_region": "ES",
    "retries": 3,
    "retry_delay": timedelta(seconds=20),
}

with DAG(
    dag_id="rcs_campaign_canary",
    description="Send to 1%, go on if few of those messages fail, wait for the reports, load them",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=pendulum.UTC),
    catchup=False,
    params={"campaign": Param("", type="string", description="The campaign's name; empty for one of its own each run")},
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
