"""A campaign in four shards, each sent by a task with many retries."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pendulum
from airflow.sdk import DAG, task

from airflow_provider_rcs.api.models import shards
from airflow_provider_rcs.operators.assets import CAMPAIGNS
from airflow_provider_rcs.transfers.sql_to_rcs import SqlToRcsOperator

with DAG(
    dag_id="rcs_four_shards",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=pendulum.UTC),
    catchup=False,
):
    send = SqlToRcsOperator.partial(
        task_id="send",
        sql_conn_id="warehouse",
        sql="SELECT phone, name FROM customer ORDER BY id",
        template_id="1234569",
        campaign="scaled-out",
        batch_size=20,
        max_in_flight=2,
        retries=20,
        retry_delay=timedelta(seconds=3),
    ).expand(shard=shards(4))

    @task(outlets=[CAMPAIGNS])
    def emit_event(outlet_events: Any = None) -> None:
        outlet_events[CAMPAIGNS].extra = {"campaign": "scaled-out"}

    send >> emit_event()
