"""A sensor that takes the campaign's name from an XCom of its own."""

from __future__ import annotations

from datetime import datetime

import pendulum
from airflow.sdk import DAG

from airflow_provider_rcs.operators.rcs import RcsSendOperator
from airflow_provider_rcs.sensors.rcs import RcsCampaignSensor

with DAG("rcs_output_by_key", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=pendulum.UTC), catchup=False):
    send = RcsSendOperator(
        task_id="send",
        recipients=[{"phone": "+34600000101"}],
        template_id="1234569",
        campaign="by-key",
        multiple_outputs=True,
    )
    wait = RcsCampaignSensor(
        task_id="wait",
        campaign=send.output["campaign"],  # type: ignore[index]
        until="final",
        at_least=1,
        poke_interval=1,
        timeout=60,
    )
