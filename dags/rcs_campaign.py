"""Send a campaign to the customers of a warehouse, and load the outcome of each message into a table there.

Use it to begin with: it has all steps from the list to the funnel. Fill in the query, the template and its variables.
Connections: ``rcs_default`` (the RCS account), ``rcs_store`` (the ledger), ``warehouse`` (any SQL database with a table
``customer``). The parameter ``campaign`` names the campaign: nobody is messaged twice under the same name.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import pendulum
from airflow.sdk import DAG, Param, task
from airflow.sdk.bases.hook import BaseHook

from airflow_provider_rcs.sensors.rcs import RcsCampaignSensor
from airflow_provider_rcs.transfers.reports_to_sql import RcsReportsToSqlOperator
from airflow_provider_rcs.transfers.sql_to_rcs import SqlToRcsOperator

FUNNEL_SQL = """
    SELECT state, delivery_status, reason, COUNT(*), SUM(repeats)
    FROM rcs_message WHERE campaign = {placeholder}
    GROUP BY state, delivery_status, reason ORDER BY COUNT(*) DESC
"""

with DAG(
    dag_id="rcs_campaign",
    description="Send to the rows of a query, wait for the reports, load them, show the funnel",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=pendulum.UTC),
    catchup=False,
    default_args={"retries": 3, "retry_delay": timedelta(seconds=20)},
    params={"campaign": Param("", type="string", description="Its name; by default the IDs of DAG and run")},
    tags=["rcs", "example"],
    doc_md=__doc__,
):
    send = SqlToRcsOperator(
        task_id="send",
        sql_conn_id="warehouse",
        sql="SELECT customer_id, full_name, phone, order_number, delivery_day FROM customer ORDER BY customer_id",
        template_id="1234568",
        campaign="{{ params.campaign or dag.dag_id ~ '/' ~ run_id }}",
        name_column="full_name",
        reference_column="customer_id",
        variables={"Pedido": "order_number", "Fecha": "delivery_day"},
        default_region="ES",
    )

    wait = RcsCampaignSensor(
        task_id="wait",
        campaign="{{ ti.xcom_pull('send')['campaign'] }}",
        until="final",
        at_least=0.99,
        poke_interval=3,
        timeout=24 * 3600,
        deferrable=True,
    )

    load = RcsReportsToSqlOperator(task_id="load", target_conn_id="warehouse")

    @task
    def funnel(campaign: str) -> list[dict[str, object]]:
        """Return how many messages of the campaign the warehouse has, by state, status and reason."""
        hook = BaseHook.get_connection("warehouse").get_hook()
        # Drivers differ in how they spell a bound parameter ("?", "%s"); the hook knows.
        rows = hook.get_records(FUNNEL_SQL.format(placeholder=hook.placeholder), parameters=[campaign])
        names = ("state", "delivery_status", "reason", "messages", "repeats")
        return [dict(zip(names, row, strict=True)) for row in rows]

    send >> wait >> load >> funnel("{{ ti.xcom_pull('send')['campaign'] }}")
