"""What the log of a failed task shows: one line with the sentence first, and no traceback of the provider's inside."""

from __future__ import annotations

import json
import logging
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from airflow.providers.common.compat.sdk import AirflowException, BaseOperator, Context

import airflow_provider_rcs
from airflow_provider_rcs.operators.rcs import RcsGetTemplateOperator, RcsListTemplatesOperator, RcsSendOperator
from airflow_provider_rcs.operators.scheduled import RcsDispatchScheduledOperator
from airflow_provider_rcs.sensors.credit import RcsCreditSensor
from airflow_provider_rcs.sensors.rcs import RcsCampaignSensor
from airflow_provider_rcs.transfers.reports_to_sql import RcsReportsToSqlOperator
from tests.integration.operators.conftest import connect
from tests.sandbox_process import SandboxProcess

PACKAGE = str(Path(airflow_provider_rcs.__file__).parent)
# An exception keeps the frames of those who call the place where it is raised, which no code can help.
WAY_IN = ("operators", "sensors", "transfers", "airflow_errors.py")

Task = Callable[[], BaseOperator]


def send(**changes: Any) -> RcsSendOperator:
    arguments = {
        "task_id": "send",
        "recipients": [{"phone": "+34600000001"}],
        "template_id": "1234569",
        "campaign": "spring",
        **changes,
    }
    return RcsSendOperator(**arguments)


OF_THE_SERVICE: Mapping[str, Task] = {
    "send": send,
    "list templates": lambda: RcsListTemplatesOperator(task_id="list"),
    "get a template": lambda: RcsGetTemplateOperator(task_id="get", template_id="1234569"),
    "wait for credit": lambda: RcsCreditSensor(task_id="wait", min_credits=1),
}
OF_THE_STORE: Mapping[str, Task] = {
    "send": send,
    "dispatch": lambda: RcsDispatchScheduledOperator(task_id="dispatch"),
    "wait": lambda: RcsCampaignSensor(task_id="wait", campaign="spring"),
    "load": lambda: RcsReportsToSqlOperator(task_id="load", target_conn_id="warehouse"),
}


@pytest.fixture(params=OF_THE_SERVICE)
def of_the_service(request: pytest.FixtureRequest) -> BaseOperator:
    return OF_THE_SERVICE[request.param]()


@pytest.fixture(params=OF_THE_STORE)
def of_the_store(request: pytest.FixtureRequest) -> BaseOperator:
    return OF_THE_STORE[request.param]()


def line_of_failure(task: BaseOperator, context: Context, caplog: pytest.LogCaptureFixture) -> str:
    """Run a task that fails, and return the only line of its log at ERROR."""
    with pytest.raises(AirflowException) as raised:
        task.execute(context)

    frames = traceback.extract_tb(raised.value.__traceback__)
    inside = [frame.filename for frame in frames if frame.filename.startswith(PACKAGE)]
    assert [name for name in inside if not any(part in WAY_IN for part in Path(name).parts)] == []
    assert len(traceback.format_exception(raised.value)) == len(traceback.format_exception(raised.value, chain=False))
    (record,) = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert record.exc_info is None
    assert record.getMessage() == str(raised.value)
    return record.getMessage()


def test_refused_credentials_are_one_line_that_names_the_connection(
    of_the_service: BaseOperator,
    sandbox: SandboxProcess,
    store: sa.Engine,
    monkeypatch: pytest.MonkeyPatch,
    context: Context,
    caplog: pytest.LogCaptureFixture,
) -> None:
    connect(monkeypatch, sandbox, password="wrong-token")

    line = line_of_failure(of_the_service, context, caplog)

    assert line.startswith("RcsAuthError: ")
    assert "Check login and password of the connection." in line
    assert "(connection: rcs_default)" in line


def test_a_connection_that_is_not_defined_is_one_line(
    of_the_service: BaseOperator,
    store: sa.Engine,
    monkeypatch: pytest.MonkeyPatch,
    context: Context,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_RCS_DEFAULT", raising=False)

    assert "rcs_default" in line_of_failure(of_the_service, context, caplog)


def test_a_store_that_is_not_migrated_is_one_line_that_names_the_connection(
    of_the_store: BaseOperator,
    sandbox: SandboxProcess,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    context: Context,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name in ("RCS_STORE", "WAREHOUSE"):
        fields = {"conn_type": "sqlite", "host": f"{tmp_path}/empty.db"}
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(fields))

    line = line_of_failure(of_the_store, context, caplog)

    assert line.startswith("RcsStoreError: ")
    assert "airflow-rcs migrate" in line
    assert "(connection: rcs_store)" in line


def test_a_store_that_fails_later_is_one_line_that_names_the_connection(
    sandbox: SandboxProcess,
    store: sa.Engine,
    context: Context,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with store.begin() as connection:
        connection.execute(sa.text("DROP TABLE rcs_request"))

    assert "(connection: rcs_store)" in line_of_failure(send(), context, caplog)


def test_a_column_that_is_missing_is_one_line(
    sandbox: SandboxProcess,
    store: sa.Engine,
    context: Context,
    caplog: pytest.LogCaptureFixture,
) -> None:
    line = line_of_failure(send(phone_column="mobile"), context, caplog)

    assert line.startswith("RcsInputError: phone_column: there is no column 'mobile'")
