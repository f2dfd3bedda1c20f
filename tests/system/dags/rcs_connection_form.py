"""Messages to three people, through each connection that the test of the connection form defines."""

from __future__ import annotations

from datetime import datetime

import pendulum
from airflow.sdk import DAG

from airflow_provider_rcs.operators.rcs import RcsSendOperator

PEOPLE = [
    {"phone": "+34600000001", "name": "Pedro Pérez"},
    {"phone": "+34600000002", "name": "Ana González"},
    {"phone": "+34600000003", "name": "Núria Puig"},
]
# Connection -> agent of the task, needed if the connection has none.
CONNECTIONS = {"rcs_filled": None, "rcs_saved_again": None, "rcs_bare": "my-rcs-agent"}

with DAG(
    dag_id="rcs_connection_form",
    schedule=None,
    start_date=datetime(2026, 1, 1, tzinfo=pendulum.UTC),
    catchup=False,
):
    for connection, agent in CONNECTIONS.items():
        RcsSendOperator(
            task_id=connection,
            rcs_conn_id=connection,
            recipients=[{**person, "through": connection} for person in PEOPLE],
            reference_column="through",
            template_id="1234569",
            campaign=connection,
            agent=agent,
        )
