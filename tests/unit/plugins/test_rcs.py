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

    monkeypatch.setenv(
        "AIRFLOW_CONN_RCS_REPORTS", json.dumps({"conn_type": "generic", "login": LOGIN, "password": PASSWORD})
    )
    monkeypatch.setenv("AIRFLOW_CONN_RCS_STORE", json.dumps({"conn_type": "sqlite", "host": f"{tmp_path}/store.db"}))
    sqlite_store(tmp_path / "store.db")
    engine = store_engine()
    app = ReceiverInAirflow()

    assert push(app).status_code == 200
    assert push(app, auth=None).status_code == 401
    assert len(stored(engine)) == 1
    engine.dispose()
