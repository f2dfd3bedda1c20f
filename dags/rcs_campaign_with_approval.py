"""Send a campaign after a test on the team's phones, and only once a person has approved its plan.

Use it where somebody must see a campaign before it goes out. The dry run sends three messages with real values to the
phones in the Airflow variable ``rcs_team_phones`` (with commas between them). Its plan is shown under "Required
Actions" in the UI. If the list or the template changes after the approval, nothing is sent, and a new run asks again.
Fill in the query, the template and its variables. Connections: as in ``rcs_campaign``.
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
    "campaign": "{{ params.campaign or dag.dag_id ~ '/' ~ run_id }}",
    "name_column": "full_name",
    "reference_column": "customer_id",
    "variables": {"Pedido": "order_number", "Fecha": "delivery_day"},
    "default_region": "ES",
}

with DAG(
    dag_id="rcs_campaign_with_approval",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=pendulum.UTC),
    catchup=False,
    default_args={"retries": 3, "retry_delay": timedelta(seconds=20)},
    params={"campaign": Param("", type="string", description="Its name; by default the IDs of DAG and run")},
    tags=["rcs", "example"],
    doc_md=__doc__,
):
    plan = SqlToRcsOperator(task_id="plan", dry_run=True, test_phones="{{ var.value.rcs_team_phones }}", **CAMPAIGN)
    approve = RcsApprovalOperator(task_id="approve", plan=plan.output)
    send = SqlToRcsOperator(
        task_id="send", approved_plan="{{ ti.xcom_pull(task_ids='approve', key='plan_hash') }}", **CAMPAIGN
    )
    wait = RcsCampaignSensor(
        task_id="wait",
        campaign=CAMPAIGN["campaign"],
        at_least=0.99,
        timeout=24 * 3600,
        deferrable=True,
        poke_interval=3,
    )
    load = RcsReportsToSqlOperator(task_id="load", target_conn_id="warehouse")

    plan >> approve >> send >> wait >> load
