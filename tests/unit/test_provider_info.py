from __future__ import annotations

import importlib.metadata
import json
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any

import airflow
import jsonschema
import pytest
from airflow.providers.common.compat.sdk import BaseNotifier, BaseOperatorLink

from airflow_provider_rcs import __version__
from airflow_provider_rcs.api.dates import SERVICE_TIMEZONE
from airflow_provider_rcs.api.settings import ApiSettings, read_settings
from airflow_provider_rcs.api.wire.calls import BODY_FORMATS
from airflow_provider_rcs.api.wire.send_reply import ZERO_RESULTS
from airflow_provider_rcs.get_provider_info import get_provider_info
from airflow_provider_rcs.hooks.transport import Transport, read_transport
from airflow_provider_rcs.receiver.config import DEFAULT_REPORTS_CONN_ID
from airflow_provider_rcs.receiver.spool import DEFAULT_MEGABYTES

INFO = get_provider_info()
FORM_FIELDS: dict[str, dict[str, Any]] = INFO["connection-types"][0]["conn-fields"]


def test_it_satisfies_airflows_schema_for_provider_yaml() -> None:
    schema = json.loads((Path(airflow.__file__).parent / "provider.yaml.schema.json").read_text(encoding="utf-8"))
    # Required only of providers in Airflow's own repository.
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


def test_every_notifier_that_it_names_exists() -> None:
    for name in INFO["notifications"]:
        module, _, notifier = name.rpartition(".")
        assert issubclass(getattr(import_module(module), notifier), BaseNotifier)


def test_every_link_that_it_names_exists() -> None:
    for name in INFO["extra-links"]:
        module, _, link = name.rpartition(".")
        assert issubclass(getattr(import_module(module), link), BaseOperatorLink)


def test_the_hook_class_that_it_names_exists() -> None:
    module, _, name = INFO["connection-types"][0]["hook-class-name"].rpartition(".")

    assert isinstance(getattr(import_module(module), name), type)


def test_the_form_and_the_hook_describe_the_same_connection() -> None:
    from airflow_provider_rcs.hooks.rcs import RcsHook

    form = INFO["connection-types"][0]

    assert (form["connection-type"], form["hook-name"]) == (RcsHook.conn_type, RcsHook.hook_name)
    assert RcsHook.get_ui_field_behaviour()["hidden_fields"] == form["ui-field-behaviour"]["hidden-fields"]


def test_every_setting_of_a_connection_is_a_form_field_with_a_label_and_a_help_text() -> None:
    without_base_url = {setting.name for setting in fields(ApiSettings)} - {"base_url"}

    assert FORM_FIELDS.keys() == without_base_url | {setting.name for setting in fields(Transport)}
    assert all(field["label"] and field["description"] for field in FORM_FIELDS.values())


def test_every_field_of_the_form_may_be_left_empty_and_then_saves_nothing() -> None:
    assert all("null" in field["schema"]["type"] for field in FORM_FIELDS.values())
    assert all(None in field["schema"].get("enum", [None]) for field in FORM_FIELDS.values())
    assert not any("default" in field["schema"] for field in FORM_FIELDS.values())


@pytest.mark.parametrize("unset", [None, "", "***"], ids=repr)
def test_what_the_form_saves_for_fields_left_alone_is_read_as_unset(unset: Any) -> None:
    saved = dict.fromkeys(FORM_FIELDS, unset)

    assert read_settings(None, 0, saved) == read_settings(None, None, {})
    assert read_transport(saved) == Transport()


def test_the_choices_of_the_form_are_those_of_the_settings() -> None:
    assert FORM_FIELDS["body_format"]["schema"]["enum"] == [*BODY_FORMATS, None]
    assert FORM_FIELDS["zero_result"]["schema"]["enum"] == [*ZERO_RESULTS, None]


def test_the_defaults_in_the_form_are_those_of_the_settings() -> None:
    defaults = ApiSettings()

    for name in ("batch_size", "timeout", "connect_timeout", "body_format", "zero_result"):
        default = str(getattr(defaults, name)).removesuffix(".0")
        assert f"Default: {default}" in FORM_FIELDS[name]["description"]


def test_every_field_of_the_form_says_its_default_and_every_number_of_seconds_its_unit() -> None:
    without = [name for name, field in FORM_FIELDS.items() if " Default: " not in field["description"]]
    seconds = [field for name, field in FORM_FIELDS.items() if name.endswith("timeout")]

    assert without == []
    assert all("second" in field["label"] and "Seconds" in field["description"] for field in seconds)


def test_what_many_connections_need_comes_first_in_the_form_and_the_rest_is_grouped() -> None:
    sections = [field["schema"].get("section") for field in FORM_FIELDS.values()]

    assert [name for name, field in FORM_FIELDS.items() if "section" not in field["schema"]] == ["agent", "batch_size"]
    assert list(dict.fromkeys(sections)) == [None, "Network (all optional)", "API details (all optional)"]
    assert sections == sorted(sections, key=list(dict.fromkeys(sections)).index)


def test_a_field_that_may_contain_a_password_is_displayed_as_one() -> None:
    assert [name for name, field in FORM_FIELDS.items() if field["schema"].get("format") == "password"] == ["proxies"]


def test_the_defaults_of_the_configuration_are_those_of_the_code() -> None:
    from airflow_provider_rcs.get_provider_info import DEFAULT_STORE_CONN_ID

    options = INFO["config"]["rcs"]["options"]

    assert options["store_conn_id"]["default"] == DEFAULT_STORE_CONN_ID
    assert options["reports_conn_id"]["default"] == DEFAULT_REPORTS_CONN_ID
    assert options["reports_timezone"]["default"] == str(SERVICE_TIMEZONE)
    assert options["reports_spool_megabytes"]["default"] == str(DEFAULT_MEGABYTES)


@pytest.mark.parametrize(
    ("group", "name"),
    [("apache_airflow_provider", "provider_info"), ("airflow.plugins", "rcs"), ("console_scripts", "airflow-rcs")],
)
def test_the_installed_package_has_the_entry_point(group: str, name: str) -> None:
    points = importlib.metadata.entry_points(group=group, name=name)
    ours = [point for point in points if point.dist and point.dist.name == "airflow-provider-rcs"]

    assert [bool(point.load()) for point in ours] == [True]


def test_it_has_the_version_of_the_package() -> None:
    assert INFO["versions"][0] == __version__
