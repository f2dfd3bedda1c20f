"""A campaign that takes some time, in DAGs that differ in what may stop it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pendulum
from airflow.sdk import DAG

from airflow_provider_rcs.transfers.sql_to_rcs import SqlToRcsOperator


def send(dag_id: str, dagrun_timeout: timedelta | None = None, **options: Any) -> None:
    """Define a DAG that sends to one of the warehouse's lists, which the run names."""
    with DAG(
        dag_id=dag_id,
        schedule=None,
        start_date=datetime(2026, 1, 1, tzinfo=pendulum.UTC),
        catchup=False,
        dagrun_timeout=dagrun_timeout,
        params={"list": ""},
    ):
        SqlToRcsOperator(
            task_id="send",
            sql_conn_id="warehouse",
            sql="SELECT phone FROM customer WHERE list = '{{ params.list }}' ORDER BY id",
            template_id="1234569",
            campaign="{{ params.list }}",
            batch_size=20,
            max_in_flight=4,
            on_in_doubt="fail",
            **options,
        )


send("rcs_stopped_by_hand")
send(
    "rcs_stopped_by_its_time_limit",
    execution_timeout=timedelta(seconds=8),
    retries=8,
    retry_delay=timedelta(seconds=1),
)
send("rcs_stopped_by_the_time_limit_of_its_run", dagrun_timeout=timedelta(seconds=25))
