"""Two templates to two halves of a list, as an A/B test sends them; the tests of the RCS page run none of its tasks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pendulum
from airflow.sdk import DAG

from airflow_provider_rcs.sensors.rcs import RcsCampaignSensor
from airflow_provider_rcs.transfers.sql_to_rcs import SqlToRcsOperator

LIST: dict[str, Any] = {"sql_conn_id": "warehouse", "default_region": "ES"}

with DAG("shop_spring", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=pendulum.UTC), catchup=False):
    send_a = SqlToRcsOperator(
        task_id="send_a", sql="SELECT * FROM a", template_id="1234567", campaign="spring/a", **LIST
    )
    send_b = SqlToRcsOperator(
        task_id="send_b", sql="SELECT * FROM b", template_id="1234568", campaign="spring/b", **LIST
    )
    [send_a, send_b] >> RcsCampaignSensor(task_id="wait", campaign="spring/a", timeout=3600)
