"""Every command of ``airflow-rcs`` with connections that Airflow keeps: in its database, or in a secrets backend."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from airflow_provider_rcs.cli.main import COMMANDS
from tests.integration.receiver.looking import wait_until
from tests.integration.receiver.pushing import report_fields
from tests.receiver_process import COMMAND
from tests.sandbox_process import SandboxProcess
from tests.stores import sqlite_store

SECONDS_FOR_A_COMMAND = 120
FILE_BACKEND = "airflow.secrets.local_filesystem.LocalFilesystemBackend"
_READY = re.compile(r"^receiver ready on (\S+)$", re.MULTILINE)

# Command -> its arguments, and what it prints about an empty store, or says that it does not have.
ON_AN_EMPTY_STORE = {
    "migrate": ((), "The store's tables are at version"),
    "preview": (
        (
            *("--sql-conn-id", "warehouse", "--sql", "SELECT '+34600000001' AS phone", "--name-column", ""),
            *("--template-id", "1234567", "--constants", "Importe=9"),
        ),
        "Requests: 1;",
    ),
    "campaigns": ((), "delivered"),
    "accounts": (("list",), "account"),
    "cancel": (("spring", "--reason", "a test"), "the store has no campaign 'spring'"),
    "resolve": (("spring",), "the store has no campaign 'spring'"),
    "suppress": (("add", "+34600000009", "--reason", "a test", "--rcs-conn-id", "rcs_default"), "for this account"),
    "erase": (("--phone", "+34600000002", "--yes"), "erased rows"),
    "prune": (("--older-than", "180d"), "rows pruned"),
    "refold": (("--rcs-conn-id", "rcs_default"), "0 messages were computed anew"),
    "refused": (("list",), "No body is refused."),
}


@dataclass(frozen=True)
class AirflowHome:
    """An Airflow on which commands are run, with nothing about it in their environment but its folder."""

    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "_AIRFLOW"))}
        home = {"AIRFLOW_HOME": str(self.folder), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
        return inherited | home | dict(self.settings)

    def airflow(self, *arguments: str) -> str:
        """Run an Airflow command that must succeed, and return its output."""
        completed = self.run("-m", "airflow", *arguments)
        assert completed.returncode == 0, completed.stdout + completed.stderr
        return completed.stdout

    def rcs(self, *arguments: str) -> str:
        """Run ``airflow-rcs`` and return all that it prints."""
        completed = self.run("-c", COMMAND, *arguments)
        return completed.stdout + completed.stderr

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Python."""
        return subprocess.run(
            [sys.executable, *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS_FOR_A_COMMAND,
            check=False,
        )


@pytest.fixture(scope="module")
def connections(running_sandbox: SandboxProcess, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("databases")
    sqlite_store(folder / "store.db")
    return {
        "rcs_default": running_sandbox.connection(),
        "rcs_store": json.dumps({"conn_type": "sqlite", "host": f"{folder}/store.db"}),
        "rcs_reports": json.dumps({"conn_type": "generic", "login": "panel", "password": "panel-password"}),
        "warehouse": json.dumps({"conn_type": "sqlite", "host": f"{folder}/warehouse.db"}),
    }


@pytest.fixture(scope="module")
def database_home(connections: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> AirflowHome:
    """An Airflow with the connections in its database."""
    folder = tmp_path_factory.mktemp("airflow")
    home = AirflowHome(folder)
    home.airflow("db", "migrate")
    for name, connection in connections.items():
        home.airflow("connections", "add", name, "--conn-json", connection)
    return home


@pytest.fixture(scope="module")
def backend_home(connections: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> AirflowHome:
    """An Airflow with the connections in a secrets backend, and no database."""
    folder = tmp_path_factory.mktemp("airflow")
    secrets = folder / "connections.json"
    secrets.write_text(json.dumps({name: json.loads(each) for name, each in connections.items()}), encoding="utf-8")
    backend = {"AIRFLOW__SECRETS__BACKEND": FILE_BACKEND}
    return AirflowHome(
        folder, backend | {"AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps({"connections_file_path": str(secrets)})}
    )


@pytest.mark.parametrize("command", ON_AN_EMPTY_STORE)
def test_a_command_uses_connections_of_airflows_database(database_home: AirflowHome, command: str) -> None:
    arguments, expected = ON_AN_EMPTY_STORE[command]

    assert expected in database_home.rcs(command, *arguments)


# One that reads the store's connection alone, and one that reads the others. They run in their order.
@pytest.mark.parametrize("command", ["preview", "campaigns"])
def test_a_command_uses_connections_of_a_secrets_backend(backend_home: AirflowHome, command: str) -> None:
    arguments, expected = ON_AN_EMPTY_STORE[command]

    assert expected in backend_home.rcs(command, *arguments)


def test_the_environment_comes_before_airflows_database(database_home: AirflowHome, tmp_path: Path) -> None:
    other_store = {"AIRFLOW_CONN_RCS_STORE": json.dumps({"conn_type": "sqlite", "host": f"{tmp_path}/other.db"})}
    home = AirflowHome(database_home.folder, other_store)

    assert "its tables are missing" in home.rcs("campaigns")


def test_a_secrets_backend_comes_before_airflows_database(
    database_home: AirflowHome, backend_home: AirflowHome, tmp_path: Path
) -> None:
    secrets = tmp_path / "connections.json"
    other_store = {"conn_type": "sqlite", "host": f"{tmp_path}/other.db"}
    secrets.write_text(json.dumps({"rcs_store": other_store}), encoding="utf-8")
    of_secrets = {"AIRFLOW__SECRETS__BACKEND_KWARGS": json.dumps({"connections_file_path": str(secrets)})}
    home = AirflowHome(database_home.folder, dict(backend_home.settings) | of_secrets)

    assert "its tables are missing" in home.rcs("campaigns")


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_receiver_and_its_workers_use_connections_of_airflows_database(
    database_home: AirflowHome, workers: str, tmp_path: Path
) -> None:
    with _receiver(database_home, workers, tmp_path / "receiver.log") as url:
        accepted = requests.post(url, json=report_fields(1), auth=("panel", "panel-password"), timeout=30)
        refused = requests.post(url, json=report_fields(1), auth=("panel", "another"), timeout=30)

    assert (accepted.status_code, refused.status_code) == (200, 401), accepted.text


def test_connections_that_are_added_as_uris_are_used(
    database_home: AirflowHome, running_sandbox: SandboxProcess, connections: Mapping[str, str]
) -> None:
    _, _, address = running_sandbox.url.partition("://")
    account = f"rcs://http://{running_sandbox.login}:{running_sandbox.password}@{address}?agent=my-rcs-agent"
    store = f"sqlite://{json.loads(connections['rcs_store'])['host']}"
    database_home.airflow("connections", "add", "rcs_by_uri", "--conn-uri", account)
    database_home.airflow("connections", "add", "store_by_uri", "--conn-uri", store)
    home = AirflowHome(database_home.folder, {"AIRFLOW__CORE__TEST_CONNECTION": "Enabled"})

    tested = home.airflow("connections", "test", "rcs_by_uri")
    refolded = home.rcs("refold", "--rcs-conn-id", "rcs_by_uri", "--store-conn-id", "store_by_uri")

    assert "The service accepts these credentials." in tested
    assert refolded == "0 messages were computed anew; 0 of them have changed.\n"


def test_airflows_command_line_has_the_commands_as_a_group(database_home: AirflowHome) -> None:
    listed = database_home.airflow("rcs", "--help")

    assert [command for command in COMMANDS if not re.search(rf"^ +{command}\b", listed, re.MULTILINE)] == []


def test_airflows_command_line_runs_a_command_with_its_options(database_home: AirflowHome) -> None:
    listed = database_home.airflow("rcs", "refused", "list", "--store-conn-id", "rcs_store")
    failed = database_home.run("-m", "airflow", "rcs", "cancel", "spring", "--reason", "a test")

    assert listed == "No body is refused.\n"
    assert failed.returncode == 2
    assert failed.stderr.endswith(
        "airflow rcs cancel: campaign: the store has no campaign 'spring'. List them with: airflow-rcs campaigns\n"
    )


def test_another_command_of_airflow_loads_no_command_of_ours(database_home: AirflowHome) -> None:
    program = "import sys; from airflow.__main__ import main; main(); print(*sorted(sys.modules), sep='\\n')"

    loaded = database_home.run("-c", program, "version").stdout.split()

    ours = {name for name in loaded if name.startswith("airflow_provider_rcs.")}
    assert ours >= {"airflow_provider_rcs.cli.definition"}
    assert ours <= {
        f"airflow_provider_rcs.{name}"
        for name in (
            "get_provider_info",
            "connections",
            "cli",
            "cli.advice",
            "cli.definition",
            "cli.exit_codes",
            "cli.help",
            "cli.main",
            "api",
            "api.errors",
        )
    }


@contextmanager
def _receiver(home: AirflowHome, workers: str, log: Path) -> Iterator[str]:
    arguments = ("receiver", "--host", "127.0.0.1", "--port", "0", "--workers", workers)
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-c", COMMAND, *arguments], env=home.environment, stdout=output)
    try:
        # Airflow writes the log of the workers to the same output.
        wait_until(lambda: process.poll() is not None or _READY.search(log.read_text(encoding="utf-8")) is not None, 60)
        ready = _READY.search(log.read_text(encoding="utf-8"))
        assert ready is not None, log.read_text(encoding="utf-8")
        yield ready[1]
    finally:
        process.terminate()
        process.wait(SECONDS_FOR_A_COMMAND)
