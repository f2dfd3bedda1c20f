"""The blocks of the pages on platforms can be parsed, and what is ours in them exists: not run on any platform."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from configparser import ConfigParser
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow.sdk import Connection

from airflow_provider_rcs.cli.main import main
from airflow_provider_rcs.get_provider_info import get_provider_info
from airflow_provider_rcs.hooks.store import unchecked_store_engine
from airflow_provider_rcs.receiver import config
from airflow_provider_rcs.receiver.app import HEALTH_PATH, REPORTS_PATH
from tests.code_blocks import blocks

ROOT = Path(__file__).parents[2]
PAGES = {
    name: (ROOT / "docs" / f"run-on-{name}.md").read_text("utf-8")
    for name in ("astro", "composer", "kubernetes", "mwaa")
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


MANIFESTS: list[dict[str, Any]] = [yaml.safe_load(block) for block in blocks(PAGES["kubernetes"], "yaml")]
(VALUES,) = (each for each in MANIFESTS if "kind" not in each)
RESOURCES = {each["kind"]: each for each in MANIFESTS if "kind" in each}
SECRET = RESOURCES["Secret"]
CONTAINERS = [RESOURCES[kind]["spec"]["template"]["spec"]["containers"][0] for kind in ("Job", "StatefulSet")]


def secret_references() -> Iterator[tuple[str, str, str]]:
    """Yield (variable, secret, key) of each variable that is read from a secret."""
    for each in VALUES["secret"]:
        yield each["envName"], each["secretName"], each["secretKey"]
    for container in CONTAINERS:
        for variable in container["env"]:
            if "valueFrom" in variable:
                reference = variable["valueFrom"]["secretKeyRef"]
                yield variable["name"], reference["name"], reference["key"]


@pytest.mark.parametrize("platform", PAGES)
def test_each_page_says_that_it_was_not_run(platform: str) -> None:
    assert "**Not run here:**" in PAGES[platform]


@pytest.mark.parametrize("platform", PAGES)
def test_each_page_names_the_oldest_airflow_and_only_extras_of_the_package(platform: str) -> None:
    extras = set(re.findall(r"airflow-provider-rcs\[([\w,]+)\]", PAGES[platform]))

    assert extras <= set(PROJECT["optional-dependencies"])
    assert "apache-airflow>=3.2.1" in PROJECT["dependencies"]
    assert re.search(r"Airflow 3\.2\.1 (?:and|or) newer|Runtime 3\.2 or newer", PAGES[platform])


def test_the_bounds_that_the_page_on_astro_names_are_those_of_the_package() -> None:
    (compat,) = re.findall(r"common-compat>=([\d.]+)", str(PROJECT["dependencies"]))
    (sql,) = re.findall(r"common-sql>=([\d.]+)", str(PROJECT["dependencies"]))

    assert f"at least {compat} and {sql}" in " ".join(PAGES["astro"].split())


def test_every_connection_of_the_secret_is_used_under_its_name() -> None:
    names = {(f"AIRFLOW_CONN_{key.upper()}", SECRET["metadata"]["name"], key) for key in SECRET["stringData"]}

    assert set(secret_references()) == names


def test_the_connection_of_the_store_is_one_that_the_store_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    for key, text in SECRET["stringData"].items():
        monkeypatch.setenv(f"AIRFLOW_CONN_{key.upper()}", text)

    assert unchecked_store_engine("rcs_store").url.database == "rcs"
    assert {Connection.get(key).conn_type for key in SECRET["stringData"]} == {"rcs", "postgres", "generic"}


def test_options_and_variables_of_the_spool_exist_and_are_on_the_volume() -> None:
    (option,) = VALUES["apiServer"]["env"]
    (variable,) = (each for each in CONTAINERS[1]["env"] if "value" in each)
    mounts = [VALUES["apiServer"]["extraVolumeMounts"][0], CONTAINERS[1]["volumeMounts"][0]]

    section, name = option["name"].removeprefix("AIRFLOW__").lower().split("__")
    assert name in get_provider_info()["config"][section]["options"]
    assert variable["name"] == config.SPOOL
    assert all(
        Path(each["value"]).is_relative_to(mount["mountPath"])
        for each, mount in zip([option, variable], mounts, strict=True)
    )


def test_volumes_that_are_mounted_are_defined() -> None:
    claim = RESOURCES["StatefulSet"]["spec"]["volumeClaimTemplates"][0]["metadata"]["name"]

    assert VALUES["apiServer"]["extraVolumeMounts"][0]["name"] == VALUES["apiServer"]["extraVolumes"][0]["name"]
    assert CONTAINERS[1]["volumeMounts"][0]["name"] == claim


def test_addresses_and_ports_are_those_of_the_receiver() -> None:
    receiver = CONTAINERS[1]
    port = int(receiver["command"][receiver["command"].index("--port") + 1])

    assert VALUES["ingress"]["apiServer"]["path"] == REPORTS_PATH
    assert receiver["readinessProbe"]["httpGet"] == {"path": HEALTH_PATH, "port": port}
    assert receiver["livenessProbe"]["tcpSocket"]["port"] == receiver["ports"][0]["containerPort"] == port


@pytest.mark.parametrize("container", CONTAINERS, ids=lambda container: container["name"])
def test_each_container_runs_a_command_of_ours_in_the_image_of_the_values(
    container: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    program, *arguments = container["command"]
    monkeypatch.setattr(import_module(f"airflow_provider_rcs.cli.{arguments[0]}"), "run", lambda _: None)

    assert (program, main(arguments)) == ("airflow-rcs", 0)
    assert container["image"] == f"{VALUES['defaultAirflowRepository']}:{VALUES['defaultAirflowTag']}"


def test_the_image_is_built_from_the_airflow_of_the_values() -> None:
    (dockerfile,) = blocks(PAGES["kubernetes"], "dockerfile")

    assert dockerfile.splitlines()[0] == f"FROM apache/airflow:{VALUES['airflowVersion']}"


def test_the_pooler_is_in_a_mode_that_is_supported() -> None:
    (text,) = blocks(PAGES["kubernetes"], "ini")
    pooler = ConfigParser(interpolation=None)
    pooler.read_string(text)

    assert pooler["pgbouncer"]["pool_mode"] in ("transaction", "session")
    assert "rcs" in pooler["databases"]
