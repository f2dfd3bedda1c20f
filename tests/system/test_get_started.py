"""The page on getting started, followed literally on a machine with Airflow and nothing else.

The provider is built from this checkout, and Airflow has the versions of this environment. `make dist` gives it a
wheel, a Python and a file of pins instead.
"""

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
def wheel(tmp_path: Path) -> Path:
    """The provider, as it is installed."""
    if given := os.environ.get("RCS_MACHINE_WHEEL"):
        return Path(given)
    run(UV, "build", "--quiet", "--wheel", "--out-dir", tmp_path / "wheels", ROOT)
    [built] = (tmp_path / "wheels").glob("*.whl")
    return built


@pytest.fixture
def machine(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A home with Airflow and its database, and nothing else; pip takes the provider from the wheel."""
    constraints = tmp_path / "constraints.txt"
    constraints.write_text(f"{pins()}\nairflow-provider-rcs @ {wheel.as_uri()}\n", encoding="utf-8")
    python = tmp_path / "airflow-venv" / "bin" / "python"
    base = os.environ.get("RCS_MACHINE_PYTHON", sys.executable)
    run(UV, "venv", "--quiet", "--seed", "--python", base, python.parents[1])
    run(UV, "pip", "install", "--quiet", "--python", python, "--constraint", constraints, "apache-airflow")
    environment = environment_of(tmp_path / "home", python.parent) | {"PIP_CONSTRAINT": str(constraints)}
    (tmp_path / "home").mkdir()
    # Not in the checkout, which a Python that is started there would import.
    monkeypatch.chdir(tmp_path / "home")
    run(python.with_name("airflow"), "db", "migrate", environment=environment)
    return environment


def pins() -> str:
    """Return the pins that are given, or those by which everything has the version that it has in this environment."""
    if given := os.environ.get("RCS_MACHINE_PINS"):
        return Path(given).read_text(encoding="utf-8")
    installed = {each.name: each.version for each in distributions() if each.name != "airflow-provider-rcs"}
    return "\n".join(f"{name}=={version}" for name, version in sorted(installed.items()))


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
def test_the_page_leads_from_an_empty_airflow_to_rows_in_the_warehouse(
    machine: dict[str, str], wheel: Path, tmp_path: Path
) -> None:
    with reader(machine, tmp_path / "logs") as someone:
        someone.follow(PAGE.read_text(encoding="utf-8"))

    folder, origin = imported(machine)
    assert folder.is_relative_to(tmp_path / "airflow-venv" / "lib")
    assert origin == wheel.as_uri()


def imported(machine: dict[str, str]) -> tuple[Path, str]:
    """Return the folder that the provider is imported from on the machine, and the URL that it was installed from."""
    code = (
        "import airflow_provider_rcs, importlib.metadata, json; print(airflow_provider_rcs.__file__); "
        "print(json.loads(importlib.metadata.distribution('airflow-provider-rcs').read_text('direct_url.json'))['url'])"
    )
    file, url = subprocess.check_output(["python", "-c", code], env=machine, text=True).splitlines()
    return Path(file).parent, url
