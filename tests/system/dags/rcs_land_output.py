"""Land what tasks return: a list of bodies, and a body for each mapped task."""

from __future__ import annotations

from datetime import datetime

import pendulum
from airflow.sdk import dag, task

from airflow_provider_rcs.operators.reports import RcsLandReportsOperator


@dag(schedule=None, start_date=datetime(2026, 1, 1, tzinfo=pendulum.UTC), catchup=False)
def rcs_land_output() -> None:
    @task
    def fetch(first: int) -> list[str]:
        """Return a report, one that cannot be understood, and one that looks like a template."""
        return [f'{{"Estado": "13", "Destinatario": "3461000000{first}"}}', "34610000009 is no report", "{{ 7 * 7 }}"]

    RcsLandReportsOperator(task_id="land", bodies=fetch(1))
    RcsLandReportsOperator.partial(task_id="land_mapped").expand(bodies=fetch.override(task_id="fetch_mapped")(2))


rcs_land_output()
