"""Notify people by RCS when a load fails.

Use it to alert people on duty, about any task or DAG; what customers get is sent by a campaign. Fill in the phones, the
template and its variables. Connections: ``rcs_default`` (the RCS account). The parameter ``fail`` makes the load fail,
to show what is sent.
"""

from __future__ import annotations

from datetime import datetime

import pendulum
from airflow.sdk import DAG, Param, task

from airflow_provider_rcs.notifications.rcs import RcsNotifier

ON_DUTY = ["+34600000001", "+34600000002"]

with DAG(
    dag_id="rcs_notify_on_failure",
    description="Notify people by RCS when a task or the whole run has failed",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=pendulum.UTC),
    catchup=False,
    params={"fail": Param(False, type="boolean", description="Whether the load fails")},
    on_failure_callback=RcsNotifier(
        template_id="1234567", phones=ON_DUTY, variables={"Importe": "The run {{ run_id }} has failed: {{ reason }}"}
    ),
    tags=["rcs", "example"],
    doc_md=__doc__,
):

    @task(
        on_failure_callback=RcsNotifier(
            template_id="1234567",
            phones=ON_DUTY,
            variables={
                "Importe": "{{ ti.task_id }} has failed: "
                "{{ exception | default('see its log') | string | truncate(80) }}"
            },
        )
    )
    def load(fail: str) -> None:
        """Load, or fail."""
        if fail == "True":
            raise RuntimeError("the warehouse is full")

    load("{{ params.fail }}")
