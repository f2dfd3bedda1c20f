"""The time to parse a DAG file with every operator of the provider, or with Airflow's own."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks.measure import Measured, MeasuredTimes, Way, measure

_HEAD = """
from datetime import datetime

from airflow.sdk import DAG, Asset, AssetWatcher
"""
_OURS = (
    _HEAD
    + """
from airflow_provider_rcs.notifications.rcs import RcsNotifier
from airflow_provider_rcs.operators.approval import RcsApprovalOperator
from airflow_provider_rcs.operators.rcs import RcsGetTemplateOperator, RcsListTemplatesOperator, RcsSendOperator
from airflow_provider_rcs.operators.scheduled import RcsDispatchScheduledOperator
from airflow_provider_rcs.sensors.credit import RcsCreditSensor
from airflow_provider_rcs.sensors.rcs import RcsCampaignSensor
from airflow_provider_rcs.transfers.reports_to_sql import RcsReportsToSqlOperator
from airflow_provider_rcs.transfers.sql_to_rcs import SqlToRcsOperator
from airflow_provider_rcs.triggers.rcs import RcsReportsTrigger

reports = Asset("reports", watchers=[AssetWatcher(name="reports", trigger=RcsReportsTrigger())])
with DAG(
    dag_id="every_operator",
    start_date=datetime(2026, 1, 1),
    schedule=[reports],
    on_failure_callback=RcsNotifier(template_id="1", phones=["34600000001"]),
):
    tasks = [
        RcsListTemplatesOperator(task_id="list"),
        RcsGetTemplateOperator(task_id="get", template_id="1"),
        RcsCreditSensor(task_id="credit", min_credits=1),
        RcsSendOperator(task_id="send", recipients=[], template_id="1"),
        SqlToRcsOperator(task_id="sql", sql="SELECT 1", sql_conn_id="warehouse", template_id="1"),
        RcsApprovalOperator(task_id="approve", plan={}),
        RcsDispatchScheduledOperator(task_id="dispatch"),
        RcsCampaignSensor(task_id="wait", campaign="spring"),
        RcsReportsToSqlOperator(task_id="load", target_conn_id="warehouse"),
    ]
    for before, after in zip(tasks, tasks[1:]):
        before >> after
"""
)
_AIRFLOWS_OWN = (
    _HEAD
    + """
from airflow.providers.common.sql.operators.sql import SQLExecuteQueryOperator
from airflow.providers.common.sql.sensors.sql import SqlSensor
from airflow.providers.http.operators.http import HttpOperator
from airflow.providers.http.sensors.http import HttpSensor
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.providers.standard.triggers.file import FileDeleteTrigger
from airflow.providers.smtp.notifications.smtp import SmtpNotifier

reports = Asset("reports", watchers=[AssetWatcher(name="reports", trigger=FileDeleteTrigger(filepath="/tmp/x"))])
with DAG(
    dag_id="every_operator",
    start_date=datetime(2026, 1, 1),
    schedule=[reports],
    on_failure_callback=SmtpNotifier(to="someone@example.org"),
):
    tasks = [
        HttpOperator(task_id="list", endpoint="templates"),
        HttpOperator(task_id="get", endpoint="template"),
        HttpSensor(task_id="credit", endpoint="credit"),
        HttpOperator(task_id="send", endpoint="send"),
        SQLExecuteQueryOperator(task_id="sql", sql="SELECT 1", conn_id="warehouse"),
        ApprovalOperator(task_id="approve", subject="Send this?"),
        SQLExecuteQueryOperator(task_id="dispatch", sql="SELECT 1", conn_id="warehouse"),
        SqlSensor(task_id="wait", sql="SELECT 1", conn_id="warehouse"),
        SQLExecuteQueryOperator(task_id="load", sql="SELECT 1", conn_id="warehouse"),
    ]
    for before, after in zip(tasks, tasks[1:]):
        before >> after
"""
)
# What a provider loads if its modules import everything at the top.
_EAGER = "import pandas, pyarrow, sqlalchemy, alembic.command, phonenumbers, orjson, requests, aiohttp\n" + _OURS


def run() -> Measured:
    """Measure parsing, each time in a new process."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "AIRFLOW_HOME": folder, "PYTHONPYCACHEPREFIX": folder}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        ways = {
            "ours": Way("every operator of the provider", _parsing(folder, "ours", _OURS, environment)),
            "naive": Way("all imported at the top", _parsing(folder, "naive", _EAGER, environment)),
            "limit": Way("Airflow's own operators", _parsing(folder, "limit", _AIRFLOWS_OWN, environment)),
        }
        # The first run, which compiles the modules, is not counted.
        for way in ways.values():
            way.run()
        return measure("DAG file with every operator parsed", **ways, kind=MeasuredTimes)


def _parsing(folder: str, name: str, dag: str, environment: Mapping[str, str]) -> Callable[[], int]:
    path = Path(folder) / f"{name}.py"
    path.write_text(dag, encoding="utf-8")
    command: Sequence[str] = [sys.executable, str(path)]

    def parse() -> int:
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        return 1

    return parse
