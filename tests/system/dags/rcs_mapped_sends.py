"""Two campaigns to the same people, each sent by one instance of a mapped task."""

from __future__ import annotations

from datetime import datetime

import pendulum
from airflow.sdk import DAG

from airflow_provider_rcs.transfers.sql_to_rcs import SqlToRcsOperator

with DAG(
    dag_id="rcs_mapped_sends",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=pendulum.UTC),
    catchup=False,
):
    SqlToRcsOperator.partial(
        task_id="send",
        sql_conn_id="warehouse",
        template_id="1234569",
        sql="SELECT '+34600000001' AS phone UNION SELECT '+34600000002'",
    ).expand(campaign=["mapped-first", "mapped-second"])
