"""The provider, seen through Airflow's own commands."""

from __future__ import annotations

import json
from pathlib import Path
from unittest.mock import Mock

import pytest
from airflow.sdk.exceptions import XComNotFound

from airflow_provider_rcs import __version__
from airflow_provider_rcs.operators.rcs import RcsSendOperator
from tests.system.conftest import AirflowCommands


def test_airflow_lists_the_provider_with_its_version(airflow: AirflowCommands) -> None:
    completed = airflow.run("providers", "get", "airflow-provider-rcs", "--output", "json")

    assert completed.returncode == 0, completed.stderr
    assert json.loads(completed.stdout)[0]["Version"] == __version__


def test_airflow_lists_the_hook_of_the_connection_type(airflow: AirflowCommands) -> None:
    completed = airflow.run("providers", "hooks", "--output", "json")

    hooks = {hook["connection_type"]: hook for hook in json.loads(completed.stdout)}
    assert hooks["rcs"]["class"] == "airflow_provider_rcs.hooks.rcs.RcsHook"


def test_a_connection_of_the_type_can_be_added_and_read_back(airflow: AirflowCommands) -> None:
    fields = ["--conn-type", "rcs", "--conn-host", "https://rcs.example", "--conn-login", "user"]

    added = airflow.run("connections", "add", "rcs_by_hand", *fields, "--conn-password", "token-of-the-account")
    read = airflow.run("connections", "get", "rcs_by_hand", "--output", "json")

    assert added.returncode == 0, added.stdout + added.stderr
    connection = json.loads(read.stdout)[0]
    assert (connection["conn_type"], connection["host"]) == ("rcs", "https://rcs.example")


def test_the_connection_test_makes_one_call_and_shows_the_credit(airflow: AirflowCommands) -> None:
    before = len(airflow.sandbox.calls())

    tested = airflow.run("connections", "test", "rcs_default")

    assert "The service accepts these credentials. Credit left: " in tested.stdout, tested.stderr
    assert [call["call"] for call in airflow.sandbox.calls()[before:]] == ["/GetCreditos"]


def test_airflows_configuration_has_the_settings_of_the_provider(airflow: AirflowCommands) -> None:
    completed = airflow.run("config", "get-value", "rcs", "lease_seconds")

    assert completed.stdout.strip().splitlines()[-1] == "15"


def test_each_instance_of_a_mapped_task_emits_the_event_of_its_campaign(airflow: AirflowCommands) -> None:
    completed = airflow.run_dag("rcs_mapped_sends", folder=Path(__file__).parent / "dags")

    assert completed.returncode == 0, completed.stdout + completed.stderr
    events = airflow.rows(
        airflow.airflow_database,
        "SELECT e.extra, e.source_map_index FROM asset_event e JOIN asset a ON a.id = e.asset_id "
        "WHERE a.uri = 'rcs://store/campaigns' AND e.source_dag_id = 'rcs_mapped_sends' ORDER BY e.source_map_index",
    )
    emitted = [(json.loads(extra)["campaign"], json.loads(extra)["accepted"], index) for extra, index in events]
    assert emitted == [("mapped-first", 2, 0), ("mapped-second", 2, 1)]


def test_an_output_by_key_names_the_campaign_if_the_sending_task_has_multiple_outputs(airflow: AirflowCommands) -> None:
    completed = airflow.run_dag("rcs_output_by_key", folder=Path(__file__).parent / "dags")

    assert completed.returncode == 0, completed.stdout + completed.stderr
    [(waited_for,)] = airflow.rows(
        airflow.airflow_database,
        "SELECT value FROM xcom WHERE dag_id = 'rcs_output_by_key' AND task_id = 'wait' AND key = 'return_value'",
    )
    assert "by-key" in waited_for


def test_an_output_by_key_of_any_other_sending_task_is_not_found() -> None:
    send = RcsSendOperator(task_id="send", recipients=[{"phone": "+34600000101"}], template_id="1234569")
    run = Mock(dag_id="any", xcom_pull=lambda default, **_: default)

    with pytest.raises(XComNotFound):
        send.output["campaign"].resolve({"ti": run})  # type: ignore[index]
