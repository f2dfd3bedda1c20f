"""A mapped task group whose task does not name its campaign, which is an error of the DAG."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pendulum
from airflow.sdk import DAG, task_group

from airflow_provider_rcs.operators.rcs import RcsSendOperator

with DAG("rcs_unnamed_group", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=pendulum.UTC), catchup=False):

    @task_group
    def city(people: Any) -> None:
        RcsSendOperator(task_id="send", recipients=people, template_id="1234569")

    city.expand(people=[[{"phone": "+34600000001"}], [{"phone": "+34600000002"}]])
