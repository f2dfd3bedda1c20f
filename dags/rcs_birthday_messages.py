"""Congratulate customers on their birthdays, every morning.

Use it for lists that are empty on some days: then the task is skipped, where it would fail by default. Each day is a
campaign of its own, so that a repeated run congratulates nobody twice. People born on 29 February get a message in leap
years only. Fill in the query, the template, its variables, and the time of day. Connections: as in ``rcs_campaign``.
"""

from __future__ import annotations

from datetime import datetime

import pendulum
from airflow.sdk import DAG

from airflow_provider_rcs.transfers.sql_to_rcs import SqlToRcsOperator

with DAG(
    dag_id="rcs_birthday_messages",
    description="Send to the customers whose birthday is today, if there are any",
    schedule="0 10 * * *",
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
        # The real date, not that of the run: a run that is late or cleared congratulates nobody on the wrong day.
        sql="""
            SELECT customer_id, full_name, phone, voucher FROM customer
            WHERE SUBSTR(CAST(birth_date AS CHAR(10)), 6) = '{{ macros.datetime.now(dag.timezone).strftime("%m-%d") }}'
        """,
        template_id="1234567",
        campaign="birthday/{{ macros.datetime.now(dag.timezone).strftime('%Y-%m-%d') }}",
        name_column="full_name",
        reference_column="customer_id",
        variables={"Importe": "voucher"},
        default_region="ES",
        on_empty="skip",
    )
