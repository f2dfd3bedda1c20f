"""The lower bounds of pyproject.toml are the versions that were tested."""

from __future__ import annotations

import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parents[2]


def test_every_lower_bound_is_the_version_that_the_lowest_environment_installs() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked_for = [Requirement(line) for line in sum(project["optional-dependencies"].values(), project["dependencies"])]

    bounds = {each.name: {Version(bound.version) for bound in each.specifier} for each in asked_for if each.specifier}

    assert bounds == {name: versions for name, versions in pinned("lowest.txt").items() if name in bounds}


def test_airflows_own_pins_name_the_airflow_that_they_are_of() -> None:
    files = sorted((ROOT / "constraints").glob("airflow-*-python-*.txt"))

    named = {file.name: pinned(file.name)["apache-airflow"] for file in files}

    assert named == {file.name: {Version(file.name.split("-")[1])} for file in files}


def pinned(file: str) -> dict[str, set[Version]]:
    """Return the versions that a file of pins names for each package; markers may give it more than one."""
    versions: dict[str, set[Version]] = {}
    for line in (ROOT / "constraints" / file).read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            pin = Requirement(line)
            versions.setdefault(pin.name, set()).update(Version(each.version) for each in pin.specifier)
    return versions
