from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

import pytest

from airflow_provider_rcs.api.errors import RcsInputError
from airflow_provider_rcs.receiver.airflow_connection import reports_credentials
from airflow_provider_rcs.receiver.airflow_settings import reports_timezone
from tests.stores import sqlite_store
from tests.unit.receiver.pushing import LOGIN, PASSWORD, push, stored


def loaded_of_the_package() -> set[str]:
    return {name for name in sys.modules if name.partition(".")[0] == "airflow_provider_rcs"}


def test_airflow_takes_the_plugin_and_its_import_loads_no_receiver() -> None:
    plugin = import_module("airflow_provider_rcs.plugins.rcs").RcsPlugin
    # Only the package is imported anew: what it needs is there, and stays.
    with patch.dict(sys.modules):
        for name in loaded_of_the_package():
            del sys.modules[name]
        import_module("airflow_provider_rcs.plugins.rcs")
        loaded = loaded_of_the_package()

    assert import_module("airflow.plugins_manager").is_valid_plugin(plugin)
    assert loaded == {"airflow_provider_rcs", "airflow_provider_rcs.plugins", "airflow_provider_rcs.plugins.rcs"}


def test_plugin_uses_airflows_connections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_provider_rcs.hooks.store import store_engine
    from airflow_provider_rcs.plugins.rcs import ReportsInAirflow

    monkeypatch.setenv(
        "AIRFLOW_CONN_RCS_REPORTS", json.dumps({"conn_type": "generic", "login": LOGIN, "password": PASSWORD})
    )
    monkeypatch.setenv("AIRFLOW_CONN_RCS_STORE", json.dumps({"conn_type": "sqlite", "host": f"{tmp_path}/store.db"}))
    sqlite_store(tmp_path / "store.db")
    engine = store_engine()
    app = ReportsInAirflow()

    assert push(app).status_code == 200
    assert push(app, auth=None).status_code == 401
    assert len(stored(engine)) == 1
    engine.dispose()


def test_connection_that_is_not_defined_gives_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__RCS__REPORTS_CONN_ID", "no_such_connection")

    assert reports_credentials() is None


def test_connection_without_a_password_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__RCS__REPORTS_CONN_ID", "panel")
    monkeypatch.setenv("AIRFLOW_CONN_PANEL", json.dumps({"conn_type": "generic", "login": LOGIN}))

    with pytest.raises(RcsInputError, match="the connection 'panel': its password is missing"):
        reports_credentials()


def test_it_counts_with_the_stats_that_airflows_api_server_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.observability.stats import Stats

    from airflow_provider_rcs.receiver.airflow_settings import AirflowCounters

    counted: list[tuple[str, float]] = []
    monkeypatch.setattr(Stats, "incr", lambda name, number: counted.append((name, number)))
    monkeypatch.setattr(Stats, "timing", lambda name, milliseconds: counted.append((name, milliseconds)))
    counters = AirflowCounters()

    counters.count("rcs.reports.received", 3)
    counters.took("rcs.reports.commit_time", 0.25)

    assert counted == [("rcs.reports.received", 3), ("rcs.reports.commit_time", 250.0)]


@pytest.mark.parametrize(("set_to", "zone"), [("", "Europe/Madrid"), ("UTC", "UTC")])
def test_reports_are_dated_by_spains_clock_unless_airflows_configuration_names_another(
    monkeypatch: pytest.MonkeyPatch, set_to: str, zone: str
) -> None:
    monkeypatch.setenv("AIRFLOW__RCS__REPORTS_TIMEZONE", set_to)

    assert str(reports_timezone()) == zone


def test_a_time_zone_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__RCS__REPORTS_TIMEZONE", "Spain")

    with pytest.raises(RcsInputError, match=r"^\[rcs\] reports_timezone: 'Spain' is not a time zone"):
        reports_timezone()
