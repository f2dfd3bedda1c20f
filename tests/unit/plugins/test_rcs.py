from __future__ import annotations

import asyncio
import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
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


def test_airflow_accepts_the_plugin_and_importing_it_loads_neither_receiver_nor_pages() -> None:
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
    from airflow_provider_rcs.plugins.rcs import RcsInAirflow

    given_connections(tmp_path, monkeypatch)
    engine = store_engine()
    app = RcsInAirflow()

    assert push(app).status_code == 200
    assert push(app, auth=None).status_code == 401
    assert len(stored(engine)) == 1
    engine.dispose()


def test_metrics_inside_airflow_go_to_the_stats_of_the_api_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.observability.stats import Stats

    from airflow_provider_rcs.plugins.rcs import RcsInAirflow

    counted: list[tuple[str, float]] = []
    monkeypatch.setattr(Stats, "incr", lambda name, number=1: counted.append((name, number)))
    monkeypatch.setattr(Stats, "timing", lambda name, milliseconds: counted.append((name, milliseconds)))
    given_connections(tmp_path, monkeypatch)

    assert push(RcsInAirflow()).status_code == 200

    assert [(name, number) for name, number in counted if name != "rcs.reports.commit_time"] == [
        ("rcs.reports.received", 1),
        ("rcs.reports.committed", 1),
    ]
    assert 0 < dict(counted)["rcs.reports.commit_time"] < 10_000


def get(app: Any, path: str, root_path: str = "/rcs") -> httpx.Response:
    """Get a path as nobody who is logged in, from the application as Airflow mounts it."""

    async def go() -> httpx.Response:
        transport = httpx.ASGITransport(app, root_path=root_path)
        async with httpx.AsyncClient(transport=transport, base_url="http://airflow") as client:
            return await client.get(path)

    return asyncio.run(go())


@pytest.mark.parametrize("base", ["", "/airflow"])
def test_reports_and_health_go_to_the_receiver_and_the_rest_to_the_pages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, base: str
) -> None:
    from airflow_provider_rcs.plugins.rcs import RcsInAirflow

    given_connections(tmp_path, monkeypatch)
    app = RcsInAirflow()
    paths = ["/reports", "/reports/", "/health", "/", "/status", "/campaigns/health", "/reports/more"]

    codes = {path: get(app, f"{base}/rcs{path}", f"{base}/rcs").status_code for path in paths}

    assert codes == {
        **dict.fromkeys(["/reports", "/reports/", "/health"], 200),
        **dict.fromkeys(["/", "/status", "/campaigns/health"], 303),
        "/reports/more": 404,
    }


def test_airflow_accepts_the_views_and_resolves_them_against_its_own_address() -> None:
    from airflow.api_fastapi.core_api.datamodels.plugins import ExternalViewResponse

    from airflow_provider_rcs.plugins.rcs import RcsPlugin

    views = [ExternalViewResponse.model_validate(view) for view in RcsPlugin.external_views]

    assert [view.destination for view in views] == ["nav", "dag_run"]
    addresses = [address for view in views for address in (view.href, view.icon, view.icon_dark_mode)]
    assert [address for address in addresses if not str(address).startswith("rcs/")] == []


def test_the_icons_of_the_views_are_files_of_the_pages() -> None:
    from airflow_provider_rcs.plugins.rcs import RcsPlugin
    from airflow_provider_rcs.ui.files import file_response

    icons = {
        view[key].removeprefix("rcs/assets/") for view in RcsPlugin.external_views for key in ("icon", "icon_dark_mode")
    }

    assert {name for name in icons if file_response(name, "", "") is None} == set()
