"""The page on getting started, followed literally on a machine with Airflow and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import distributions
from pathlib import Path

import pytest

from examples.demo.home import free_port
from examples.demo.processes import Processes
from tests.console_pages import Reader

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "get-started.md"
# Variables by which the machine would see the checkout, or connections and settings of this process.
OF_THIS_ENVIRONMENT = ("AIRFLOW", "PYTHON", "RCS", "VIRTUAL_ENV")
UV = Path(sys.executable).with_name("uv")


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """A home with Airflow and its database, and nothing else; pip finds the wheel of this checkout there."""
    constraints = tmp_path / "constraints.txt"
    constraints.write_text("\n".join(versions_here()), encoding="utf-8")
    python = tmp_path / "airflow-venv" / "bin" / "python"
    run(UV, "venv", "--quiet", "--seed", "--python", sys.executable, python.parents[1])
    run(UV, "pip", "install", "--quiet", "--python", python, "--constraint", constraints, "apache-airflow")
    run(UV, "build", "--quiet", "--wheel", "--out-dir", tmp_path / "wheels", ROOT)
    pip = {
        "PIP_CONSTRAINT": str(constraints),
        "PIP_FIND_LINKS": f"{os.environ.get('PIP_FIND_LINKS', '')} {tmp_path}/wheels",
    }
    environment = environment_of(tmp_path / "home", python.parent) | pip
    (tmp_path / "home").mkdir()
    run(python.with_name("airflow"), "db", "migrate", environment=environment)
    return environment


def versions_here() -> list[str]:
    """Return constraints by which what is installed has the versions that it has in this environment."""
    installed = {each.name: each.version for each in distributions() if each.name != "airflow-provider-rcs"}
    return [f"{name}=={version}" for name, version in sorted(installed.items())]


def environment_of(home: Path, programs: Path) -> dict[str, str]:
    """Return the environment of a machine whose Airflow listens on ports that are free here, without any connection."""
    api, real_home = f"http://127.0.0.1:{(port := free_port())}", Path.home()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OF_THIS_ENVIRONMENT)}
    return {
        # Where pip finds its settings and its cache, which hold nothing of Airflow's.
        "XDG_CONFIG_HOME": str(real_home / ".config"),
        "XDG_CACHE_HOME": str(real_home / ".cache"),
        **inherited,
        "HOME": str(home),
        "PATH": os.pathsep.join([str(programs), "/usr/local/bin", "/usr/bin", "/bin"]),
        "PYTHONUNBUFFERED": "1",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{api}/execution/",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__BASE_URL": api,
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(free_port()),
        "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(free_port()),
    }


def run(*command: str | Path, environment: dict[str, str] | None = None) -> None:
    completed = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
    assert completed.returncode == 0, completed.stdout + completed.stderr


@contextmanager
def reader(machine: dict[str, str], logs: Path) -> Iterator[Reader]:
    """A reader of the page at this machine, who replaces the page's ports where it says that they may be."""
    instead = {"8080": machine["AIRFLOW__API__PORT"], "8700": str(free_port())}
    logs.mkdir()
    terminals = Processes(logs)
    try:
        yield Reader(machine, terminals, instead)
    finally:
        terminals.stop()


@pytest.mark.timeout(1800)
def test_the_page_leads_from_an_empty_airflow_to_rows_in_the_warehouse(machine: dict[str, str], tmp_path: Path) -> None:
    with reader(machine, tmp_path / "logs") as someone:
        someone.follow(PAGE.read_text(encoding="utf-8"))
