"""The provider as Airflow's own commands see it."""

from __future__ import annotations

import json
from pathlib import Path

from airflow_provider_rcs import __version__
from tests.system.conftest import Place


def test_airflow_knows_the_provider_and_its_version(place: Place) -> None:
    ended = place.airflow("providers", "get", "airflow-provider-rcs", "--output", "json")

    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)[0]["Version"] == __version__


def test_airflow_knows_the_hook_of_the_connection_type(place: Place) -> None:
    ended = place.airflow("providers", "hooks", "--output", "json")

    hooks = {hook["connection_type"]: hook for hook in json.loads(ended.stdout)}
    assert hooks["rcs"]["class"] == "airflow_provider_rcs.hooks.rcs.RcsHook"


def test_a_connection_of_the_type_is_added_and_read_back(place: Place) -> None:
    fields = ["--conn-type", "rcs", "--conn-host", "https://rcs.example", "--conn-login", "user"]

    added = place.airflow("connections", "add", "rcs_by_hand", *fields, "--conn-password", "token-of-the-account")
    read = place.airflow("connections", "get", "rcs_by_hand", "--output", "json")

    assert added.returncode == 0, added.stdout + added.stderr
    connection = json.loads(read.stdout)[0]
    assert (connection["conn_type"], connection["host"]) == ("rcs", "https://rcs.example")


def test_the_connection_is_tested_by_one_call_that_tells_the_credit(place: Place) -> None:
    before = len(place.sandbox.calls())

    tested = place.airflow("connections", "test", "rcs_default")

    assert "The service accepts these credentials. Credit left: " in tested.stdout, tested.stderr
    assert [call["call"] for call in place.sandbox.calls()[before:]] == ["/GetCreditos"]


def test_the_settings_of_the_provider_are_in_airflows_configuration(place: Place) -> None:
    ended = place.airflow("config", "get-value", "rcs", "lease_seconds")

    assert ended.stdout.strip().splitlines()[-1] == "15"


def test_each_instance_of_a_mapped_task_emits_the_event_of_its_campaign(place: Place) -> None:
    ended = place.run_dag("rcs_mapped_sends", folder=Path(__file__).parent / "dags")

    assert ended.returncode == 0, ended.stdout + ended.stderr
    events = place.rows(
        place.airflow_database,
        "SELECT e.extra, e.source_map_index FROM asset_event e JOIN asset a ON a.id = e.asset_id "
        "WHERE a.uri = 'rcs://store/campaigns' AND e.source_dag_id = 'rcs_mapped_sends' ORDER BY e.source_map_index",
    )
    told = [(json.loads(extra)["campaign"], json.loads(extra)["accepted"], index) for extra, index in events]
    assert told == [("mapped-first", 2, 0), ("mapped-second", 2, 1)]
