from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path
from unittest.mock import patch

import pytest

from tests.stores import sqlite_store
from tests.unit.receiver.pushing import LOGIN, PASSWORD, push, stored


def loaded_own_modules() -> set[str]:
    return {name for name in sys.modules if name.partition(".")[0] == "airflow_provider_rcs"}


def given_connections(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sqlite_store(folder / "store.db")
    for name, fields in {
        "STORE": {"conn_type": "sqlite", "host": f"{folder}/store.db"},
        "REPORTS": {"conn_type": "generic", "login": LOGIN, "password": PASSWORD},
    }.items():
        monkeypatch.setenv(f"AIRFLOW_CONN_RCS_{name}", json.dumps(fields))


def test_airflow_accepts_the_plugin_and_importing_it_loads_no_receiver() -> None:
    plugin = import_module("airflow_provider_rcs.plugins.rcs").RcsPlugin
    # Only our own package is imported again; what it imports stays loaded.
    with patch.dict(sys.modules):
        for name in loaded_own_modules():
            del sys.modules[name]
        import_module("airflow_provider_rcs.plugins.rcs")
        loaded = loaded_own_modules()

    assert import_module("airflow.plugins_manager").is_valid_plugin(plugin)
    assert loaded == {"airflow_provider_rcs", "airflow_provider_rcs.plugins", "airflow_provider_rcs.plugins.rcs"}


def test_the_plugin_uses_airflows_connections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_provider_rcs.hooks.store import store_engine
    from airflow_provider_rcs.plugins.rcs import ReceiverInAirflow

    given_connections(tmp_path, monkeypatch)
    engine = store_engine()
    app = ReceiverInAirflow()

    assert push(app).status_code == 200
    assert push(app, auth=None).status_code == 401
    assert len(stored(engine)) == 1
    engine.dispose()


def test_metrics_inside_airflow_go_to_the_stats_of_the_api_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.observability.stats import Stats

    from airflow_provider_rcs.plugins.rcs import ReceiverInAirflow

    counted: list[tuple[str, float]] = []
    monkeypatch.setattr(Stats, "incr", lambda name, number=1: counted.append((name, number)))
    monkeypatch.setattr(Stats, "timing", lambda name, milliseconds: counted.append((name, milliseconds)))
    given_connections(tmp_path, monkeypatch)

    assert push(ReceiverInAirflow()).status_code == 200

    assert [(name, number) for name, number in counted if name != "rcs.reports.commit_time"] == [
        ("rcs.reports.received", 1),
        ("rcs.reports.committed", 1),
    ]
    assert 0 < dict(counted)["rcs.reports.commit_time"] < 10_000
