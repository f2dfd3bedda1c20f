"""The version is stated in one place, and the changelog begins with it."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from airflow_provider_rcs import __version__

ROOT = Path(__file__).parents[2]
PLACES = ["airflow_provider_rcs", "dags", "docs", "examples", "README.md", "CONTRIBUTING.md", "SECURITY.md", "Makefile"]
TEXT = {"", ".py", ".md", ".yml", ".html"}
KINDS = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_nothing_but_the_package_states_its_version() -> None:
    # An option of Airflow's configuration says since when it exists, which later versions do not change.
    since = r'(?<!"version_added": ")(?<!since version: )'
    stated = re.compile(rf"(?<![\d.]){since}{re.escape(__version__)}(?!\.?\d)")
    files = [
        path
        for place in PLACES
        for path in ((ROOT / place).rglob("*") if (ROOT / place).is_dir() else [ROOT / place])
        if path.is_file() and path.suffix in TEXT
    ]

    stating = [str(path.relative_to(ROOT)) for path in files if stated.search(path.read_text(encoding="utf-8"))]

    assert stating == ["airflow_provider_rcs/__init__.py"]


def test_the_package_is_built_with_the_version_that_it_states() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

    assert "version" in project["project"]["dynamic"]
    assert project["tool"]["hatch"]["version"] == {"path": "airflow_provider_rcs/__init__.py"}


def test_the_changelog_begins_with_the_version() -> None:
    newest = re.findall(r"^## (.*)$", CHANGELOG, re.MULTILINE)[0]

    assert re.fullmatch(rf"{re.escape(__version__)} \((unreleased|\d{{4}}-\d\d-\d\d)\)", newest)


def test_the_changelog_lists_the_changes_of_each_version_by_kind() -> None:
    for version in re.split(r"^## ", CHANGELOG, flags=re.MULTILINE)[1:]:
        kinds = re.findall(r"^### (.*)$", version, re.MULTILINE)

        assert kinds
        assert kinds == [kind for kind in KINDS if kind in kinds]
