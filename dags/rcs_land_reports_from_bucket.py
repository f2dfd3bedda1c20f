"""Land the delivery reports that an API gateway has put into a bucket, every five minutes.

Use it for an Airflow that the RCS service cannot reach. Each file is moved once its reports are committed to the store.
Fill in the paths. Connections: ``rcs_store`` (the store), and that of the bucket, which the paths name (here
``aws_default``).
"""

from __future__ import annotations

from datetime import datetime, timedelta

import pendulum
from airflow.sdk import DAG, Param

from airflow_provider_rcs.operators.reports import RcsLandReportsOperator

with DAG(
    dag_id="rcs_land_reports_from_bucket",
    description="Land the delivery reports that are in a bucket",
    schedule=timedelta(minutes=5),
    start_date=datetime(2026, 1, 1, tzinfo=pendulum.UTC),
    catchup=False,
    default_args={"retries": 3},
    max_active_runs=1,
    params={
        "path": Param("s3://aws_default@rcs-reports/pushed", type="string", description="Where new files are"),
        "landed": Param("s3://aws_default@rcs-reports/landed", type="string", description="Where they are moved to"),
    },
    tags=["rcs", "example"],
    doc_md=__doc__,
):
    RcsLandReportsOperator(task_id="land", path="{{ params.path }}", move_to="{{ params.landed }}")
