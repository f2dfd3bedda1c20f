"""Send one template to one half of a list and another to the other half, and compare the two in the warehouse.

Use it to choose between two templates. A hash of the phone chooses the half, so nobody is in both, even if the list has
a phone twice. Each half is a campaign. The last task returns the comparison from the view ``ab_test``, whose counts
grow as later reports are loaded. Fill in the templates, and a query with the variables of both as columns. Connections:
as in ``rcs_campaign``; the extra ``status_codes`` of ``rcs_default`` says which reports mean that a message was read.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import pendulum
from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from airflow.sdk import DAG, Param

from airflow_provider_rcs.api.models import shards
from airflow_provider_rcs.sensors.rcs import RcsCampaignSensor
from airflow_provider_rcs.transfers.reports_to_sql import RcsReportsToSqlOperator
from airflow_provider_rcs.transfers.sql_to_rcs import SqlToRcsOperator

TEMPLATES = {"A": "1234568", "B": "1234567"}
SQL = "SELECT phone, full_name AS name, order_number AS Pedido, delivery_day AS Fecha, voucher AS Importe FROM customer"
COMPARE_SQL = """
    DROP VIEW IF EXISTS ab_test;
    CREATE VIEW ab_test AS
        SELECT campaign, template_id, SUM(accepted) AS sent, SUM(delivered) AS delivered,
            SUM(funnel.read + funnel.clicked) AS opened
        FROM rcs_campaign_funnel funnel WHERE campaign LIKE 'ab/%' GROUP BY campaign, template_id;
    SELECT * FROM ab_test
    WHERE campaign IN ('ab/{{ params.test or run_id }}/A', 'ab/{{ params.test or run_id }}/B') ORDER BY campaign
"""

with DAG(
    dag_id="rcs_ab_test",
    description="Send two templates, each to half of a list, wait for the reports, load them, compare the templates",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=pendulum.UTC),
    catchup=False,
    default_args={"retries": 3, "retry_delay": timedelta(seconds=20)},
    params={"test": Param("", type="string", pattern="^[^']*$", description="Its name; by default the run ID")},
    tags=["rcs", "example"],
    doc_md=__doc__,
):
    load = RcsReportsToSqlOperator(task_id="load", target_conn_id="warehouse")
    for (half, template_id), shard in zip(TEMPLATES.items(), shards(2), strict=True):
        campaign = "ab/{{ params.test or run_id }}/" + half
        send = SqlToRcsOperator(
            task_id=f"send_{half}",
            sql_conn_id="warehouse",
            sql=SQL,
            template_id=template_id,
            campaign=campaign,
            shard=shard,
            default_region="ES",
        )
        wait = RcsCampaignSensor(
            task_id=f"wait_{half}", campaign=campaign, at_least=0.95, timeout=24 * 3600, deferrable=True
        )
        send >> wait >> load
    load >> SQLExecuteQueryOperator(task_id="compare", conn_id="warehouse", sql=COMPARE_SQL, split_statements=True)
