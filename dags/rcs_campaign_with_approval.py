"""Send a campaign only after a person has approved its plan.

The plan is the result of a dry run: counts, sizes and masked samples, shown under "Required Actions" in Airflow's UI.
The approval covers the hash of that plan: if the list or the template changes before the send, nothing is sent, and a
new run for the same campaign shows the new plan and asks again. Connections: as in ``rcs_campaign``.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pendulum
from airflow.sdk import DAG, Param

from airflow_provider_rcs.operators.approval import RcsApprovalOperator
from airflow_provider_rcs.sensors.rcs import RcsCampaignSensor
from airflow_provider_rcs.transfers.reports_to_sql import RcsReportsToSqlOperator
from airflow_provider_rcs.transfers.sql_to_rcs import SqlToRcsOperator

# The dry run and the send share these arguments.
CAMPAIGN: dict[str, Any] = {
    "sql_conn_id": "warehouse",
    "sql": "SELECT customer_id, full_name, phone, order_number, delivery_day FROM customer",
    "template_id": "1234568",
    "campaign": "{{ params.campaign or run_id }}",
    "name_column": "full_name",
    "reference_column": "customer_id",
    "variables": {"Pedido": "order_number", "Fecha": "delivery_day"},
    "default_region": "ES",
}

with DAG(
    dag_id="rcs_campaign_with_approval",
    description="Plan, ask a person for approval, send that plan, wait for the reports, load them",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=pendulum.UTC),
    catchup=False,
    params={"campaign": Param("", type="string", description="Name of the campaign; by default the run ID")},
    tags=["rcs", "example"],
    doc_md=__doc__,
):
    plan = SqlToRcsOperator(task_id="plan", dry_run=True, **CAMPAIGN)

    approve = RcsApprovalOperator(task_id="approve", plan=plan.output)

    send = SqlToRcsOperator(
        task_id="send",
        approved_plan="{{ ti.xcom_pull(task_ids='approve', key='plan_hash') }}",
        retries=3,
        retry_delay=timedelta(seconds=20),
        **CAMPAIGN,
    )

    wait = RcsCampaignSensor(
        task_id="wait",
        campaign="{{ ti.xcom_pull(task_ids='send')['campaign'] }}",
        at_least=0.99,
        poke_interval=3,
        timeout=24 * 3600,
        deferrable=True,
    )

    load = RcsReportsToSqlOperator(task_id="load", target_conn_id="warehouse")

    plan >> approve >> send >> wait >> load
