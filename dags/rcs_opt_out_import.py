"""Suppress the phones in a table of opt-outs, every hour, so that no campaign messages them.

Use it where people opt out outside of RCS: in a shop, by mail, in a CRM. (Replies such as BAJA are suppressed at once,
without a DAG.) The list is imported as a whole or not at all: a cell that cannot be read as the phone of a mobile fails
the task, and so does an empty list. A phone that leaves the table stays suppressed. Fill in the query, and a reason
without personal data. Connections: ``rcs_store`` (the ledger) and ``warehouse``, with a table ``opt_out``.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import pendulum
from airflow.sdk import DAG

from airflow_provider_rcs.operators.maintenance.people import RcsSuppressOperator

with DAG(
    dag_id="rcs_opt_out_import",
    description="Suppress the phones in a table of opt-outs",
    schedule=timedelta(hours=1),
    start_date=datetime(2026, 1, 1, tzinfo=pendulum.UTC),
    catchup=False,
    default_args={"retries": 3},
    max_active_runs=1,
    tags=["rcs", "example"],
    doc_md=__doc__,
):
    RcsSuppressOperator(
        task_id="suppress",
        sql_conn_id="warehouse",
        sql="SELECT phone FROM opt_out",
        reason="opted out in the shop",
        default_region="ES",
    )
