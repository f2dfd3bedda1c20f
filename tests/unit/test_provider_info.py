from __future__ import annotations

import importlib.metadata
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import airflow
import jsonschema
import pytest
from airflow.providers.common.compat.sdk import BaseNotifier

from airflow_provider_rcs import __version__
from airflow_provider_rcs.get_provider_info import get_provider_info
from airflow_provider_rcs.receiver.airflow_connection import DEFAULT_REPORTS_CONN_ID
from airflow_provider_rcs.receiver.spool import DEFAULT_MEGABYTES

INFO = get_provider_info()


def test_it_satisfies_airflows_own_schema_of_a_providers_yaml() -> None:
    schema = json.loads((Path(airflow.__file__).parent / "provider.yaml.schema.json").read_text(encoding="utf-8"))
    # What the schema asks of the project's own providers alone.
    for name in ("state", "source-date-epoch", "lifecycle"):
        schema["required"] = [key for key in schema.get("required", []) if key != name]

    jsonschema.validate(INFO, schema)


@pytest.mark.parametrize("kind", ["hooks", "operators", "sensors", "triggers"])
def test_every_module_that_it_names_can_be_imported(kind: str) -> None:
    for entry in INFO[kind]:
        for module in entry["python-modules"]:
            import_module(module)


def test_every_transfer_that_it_names_can_be_imported() -> None:
    for entry in INFO["transfers"]:
        import_module(entry["python-module"])


def test_every_notifier_that_it_names_is_there() -> None:
    for name in INFO["notifications"]:
        module, _, notifier = name.rpartition(".")
        assert issubclass(getattr(import_module(module), notifier), BaseNotifier)


def test_the_class_of_the_hook_that_it_names_is_there() -> None:
    module, _, name = INFO["connection-types"][0]["hook-class-name"].rpartition(".")

    assert isinstance(getattr(import_module(module), name), type)


def test_the_form_and_the_hook_tell_of_the_same_connection() -> None:
    from airflow_provider_rcs.hooks.rcs import RcsHook

    form = INFO["connection-types"][0]

    assert (form["connection-type"], form["hook-name"]) == (RcsHook.conn_type, RcsHook.hook_name)
    assert RcsHook.get_ui_field_behaviour()["hidden_fields"] == form["ui-field-behaviour"]["hidden-fields"]


def test_every_field_of_the_form_may_be_left_empty_and_is_read_by_the_settings() -> None:
    from airflow_provider_rcs.api.settings import read_settings

    fields: dict[str, dict[str, Any]] = INFO["connection-types"][0]["conn-fields"]

    assert all("null" in field["schema"]["type"] for field in fields.values())
    assert read_settings(None, None, dict.fromkeys(fields)) == read_settings(None, None, {})


def test_the_defaults_of_the_configuration_are_those_of_the_code() -> None:
    from airflow_provider_rcs.hooks.store import DEFAULT_STORE_CONN_ID

    options = INFO["config"]["rcs"]["options"]

    assert options["store_conn_id"]["default"] == DEFAULT_STORE_CONN_ID
    assert options["reports_conn_id"]["default"] == DEFAULT_REPORTS_CONN_ID
    assert options["reports_spool_megabytes"]["default"] == str(DEFAULT_MEGABYTES)


@pytest.mark.parametrize(
    ("group", "name"),
    [("apache_airflow_provider", "provider_info"), ("airflow.plugins", "rcs"), ("console_scripts", "airflow-rcs")],
)
def test_the_installed_package_has_the_entry_point(group: str, name: str) -> None:
    points = importlib.metadata.entry_points(group=group, name=name)
    ours = [point for point in points if point.dist and point.dist.name == "airflow-provider-rcs"]

    assert [bool(point.load()) for point in ours] == [True]


def test_it_tells_the_version_of_the_package() -> None:
    assert INFO["versions"][0] == __version__
