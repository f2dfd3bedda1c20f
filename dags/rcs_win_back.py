"""Offer a voucher to customers who have not ordered for half a year, every month, and not to those messaged lately.

Use it where several DAGs message the same people. The cap counts the messages of all campaigns in the store: here, a
customer who got any message within the last 90 days is suppressed. That also leaves three months between two vouchers.
Fill in the query, the cap, the template and its variables. Connections: as in ``rcs_campaign``.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import pendulum
from airflow.sdk import DAG

from airflow_provider_rcs.api.models import FrequencyCap
from airflow_provider_rcs.transfers.sql_to_rcs import SqlToRcsOperator

with DAG(
    dag_id="rcs_win_back",
    description="Send to customers without a recent order, at most once in 90 days",
    schedule="0 12 5 * *",
    # The schedule is in the zone of this date.
    start_date=datetime(2026, 1, 1, tzinfo=pendulum.timezone("Europe/Madrid")),
    catchup=False,
    default_args={"retries": 3},
    tags=["rcs", "example"],
    doc_md=__doc__,
):
    SqlToRcsOperator(
        task_id="send",
        sql_conn_id="warehouse",
        sql="""
            SELECT customer_id, full_name, phone FROM customer
            WHERE last_order_day < '{{ (dag_run.run_after - macros.timedelta(days=180)).strftime("%Y-%m-%d") }}'
        """,
        template_id="1234567",
        campaign="win-back/{{ dag_run.run_after.strftime('%Y-%m') }}",
        name_column="full_name",
        reference_column="customer_id",
        constants={"Importe": "15"},
        default_region="ES",
        frequency_cap=FrequencyCap(at_most=1, within=timedelta(days=90)),
        on_empty="skip",
    )
