"""A campaign in batches of ten, sent by a task with many retries."""

from __future__ import annotations

from datetime import datetime, timedelta

import pendulum
from airflow.sdk import DAG

from airflow_provider_rcs.transfers.sql_to_rcs import SqlToRcsOperator

with DAG(
    dag_id="rcs_killed_task",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=pendulum.UTC),
    catchup=False,
):
    SqlToRcsOperator(
        task_id="send",
        sql_conn_id="warehouse",
        sql="SELECT phone, name FROM customer ORDER BY id",
        template_id="1234569",
        campaign="killed",
        default_region="ES",
        batch_size=10,
        max_in_flight=2,
        on_in_doubt="fail",
        retries=8,
        retry_delay=timedelta(seconds=1),
    )
