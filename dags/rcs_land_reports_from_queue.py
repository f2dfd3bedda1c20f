"""Land the delivery reports that an API gateway has put into a queue, as they arrive.

Use it for an Airflow that the RCS service cannot reach. Messages of the queue, here Amazon SQS, are events of an asset,
which start a run. Fill in the queue. Connections: ``rcs_store`` (the store) and ``aws_default`` (the queue's). The
triggerer must be running, and the providers ``apache-airflow-providers-common-messaging`` and
``apache-airflow-providers-amazon`` be installed. Without them, only events that are created in another way start a run,
such as those of Airflow's REST API.
"""

from __future__ import annotations

from datetime import datetime

import pendulum
from airflow.sdk import DAG, Asset, AssetWatcher

from airflow_provider_rcs.operators.reports import RcsLandReportsOperator

try:
    import airflow.providers.amazon  # noqa: F401
    from airflow.providers.common.messaging.triggers.msg_queue import MessageQueueTrigger
except ImportError:
    watchers = []
else:
    trigger = MessageQueueTrigger(
        scheme="sqs", sqs_queue="https://sqs.eu-west-1.amazonaws.com/123456789012/rcs-reports", max_messages=10
    )
    watchers = [AssetWatcher(name="rcs_pushed_reports", trigger=trigger)]

pushed = Asset(name="rcs_pushed_reports", uri="rcs://gateway/reports", watchers=watchers)

with DAG(
    dag_id="rcs_land_reports_from_queue",
    description="Land the delivery reports that are in a queue",
    schedule=[pushed],
    start_date=datetime(2026, 1, 1, tzinfo=pendulum.UTC),
    catchup=False,
    default_args={"retries": 3},
    tags=["rcs", "example"],
    doc_md=__doc__,
):
    RcsLandReportsOperator(task_id="land", asset=pushed)
