"""What `make dist` refuses, and what it says before a release may be published."""

from __future__ import annotations

from email.message import Message
from email.parser import Parser

import dist
import pytest

TRACKED = [
    *dist.NEEDED,
    "airflow_provider_rcs/api/models.py",
    "pyproject.toml",
    "hatch_build.py",
    "README.md",
    "LICENSE",
]
TRACKED += ["CHANGELOG.md", "tests/unit/test_dist.py"]
INFO = "airflow_provider_rcs-1.2.3.dist-info"
WHEEL = [name for name in TRACKED if name.startswith("airflow_provider_rcs/")]
WHEEL += [f"{INFO}/{name}" for name in (*dist.IN_DIST_INFO, *dist.OF_HATCHLING)]
SDIST = [f"airflow_provider_rcs-1.2.3/{name}" for name in (*TRACKED, "PKG-INFO")]
METADATA = """\
Version: 1.2.3
Summary: A provider.
Author: Somebody
Project-URL: Repository, https://example.org/rcs
License-Expression: Apache-2.0
License-File: LICENSE
License-File: airflow_provider_rcs/ui/assets/uplot.LICENSE.txt
Classifier: Framework :: Apache Airflow :: Provider
Classifier: Programming Language :: Python :: 3
Classifier: Programming Language :: Python :: 3.13
Requires-Python: <3.14,>=3.11
Provides-Extra: sqlite
Description-Content-Type: text/markdown

[Get started](https://example.org/rcs), or [below](#below).
"""
CHANGELOG = "# Changelog\n\n## 1.2.3 (2026-12-01)\n"


def metadata(without: str = "", instead: str = "") -> Message:
    assert without in METADATA
    return Parser().parsestr(METADATA.replace(without, instead))


def test_a_wheel_with_the_package_its_metadata_and_its_licences_has_no_problem() -> None:
    assert dist.wheel_problems(WHEEL, TRACKED, "1.2.3") == []


@pytest.mark.parametrize("name", WHEEL)
def test_a_wheel_that_lacks_a_file_has_a_problem(name: str) -> None:
    assert dist.wheel_problems(set(WHEEL) - {name}, TRACKED, "1.2.3") == [f"the wheel lacks {name}"]


@pytest.mark.parametrize("name", dist.NEEDED)
def test_a_needed_file_that_the_repository_has_lost_is_missing_in_the_wheel(name: str) -> None:
    assert dist.wheel_problems(set(WHEEL) - {name}, set(TRACKED) - {name}, "1.2.3") == [f"the wheel lacks {name}"]


@pytest.mark.parametrize(
    "name", ["tests/unit/test_dist.py", "airflow_provider_rcs/notes.txt", f"{INFO}/licenses/NOTICE"]
)
def test_a_wheel_with_anything_else_has_a_problem(name: str) -> None:
    assert dist.wheel_problems([*WHEEL, name], TRACKED, "1.2.3") == [f"the wheel must not have {name}"]


def test_an_sdist_with_files_of_the_repository_has_no_problem() -> None:
    assert dist.sdist_problems(SDIST, TRACKED, "1.2.3") == []
    assert dist.sdist_problems([name for name in SDIST if "/tests/" not in name], TRACKED, "1.2.3") == []


@pytest.mark.parametrize("name", ["airflow_provider_rcs/api/models.py", "hatch_build.py", "LICENSE"])
def test_an_sdist_that_lacks_what_the_wheel_is_built_from_has_a_problem(name: str) -> None:
    without = set(SDIST) - {f"airflow_provider_rcs-1.2.3/{name}"}

    assert dist.sdist_problems(without, TRACKED, "1.2.3") == [f"the sdist lacks {name}"]


def test_an_sdist_with_a_file_that_the_repository_does_not_have_has_a_problem() -> None:
    added = [*SDIST, "airflow_provider_rcs-1.2.3/tests/notes.txt"]

    assert dist.sdist_problems(added, TRACKED, "1.2.3") == ["the sdist must not have tests/notes.txt"]


def test_whole_metadata_have_no_problem() -> None:
    assert dist.metadata_problems(metadata(), "1.2.3", ["sqlite"]) == []


@pytest.mark.parametrize(
    ("without", "instead", "problem"),
    [
        ("1.2.3", "1.2.2", "the version 1.2.3"),
        ("Summary: A provider.\n", "", "a summary"),
        ("Author: Somebody\n", "", "an author"),
        ("Project-URL: Repository, https://example.org/rcs\n", "", "a URL"),
        ("Apache-2.0", "MIT", "the licence"),
        ("License-File: LICENSE\n", "", "both licence files"),
        (
            "Framework :: Apache Airflow :: Provider",
            "Framework :: Apache Airflow",
            "the classifier of Airflow's providers",
        ),
        ("Python :: 3.13", "Python :: 3.14", "classifiers of the Pythons that it requires"),
        ("Classifier: Programming Language :: Python :: 3.13\n", "", "classifiers of the Pythons that it requires"),
        ("Provides-Extra: sqlite\n", "", "every extra of pyproject.toml"),
        ("text/markdown", "text/x-rst", "a README in Markdown"),
        ("https://example.org/rcs)", "docs/get-started.md)", "a README whose links work on an index"),
    ],
)
def test_metadata_that_lack_something_have_a_problem(without: str, instead: str, problem: str) -> None:
    assert dist.metadata_problems(metadata(without, instead), "1.2.3", ["sqlite"]) == [f"the metadata lack {problem}"]


def test_a_tagged_commit_with_a_dated_changelog_and_an_address_may_be_published() -> None:
    assert dist.before_publishing(metadata(), CHANGELOG, ["v1.2.3"], []) == []


def test_what_is_still_to_be_done_before_publishing_is_listed() -> None:
    without_address = metadata("Project-URL: Repository", "Project-URL: API")

    left = dist.before_publishing(without_address, "## 1.2.3 (unreleased)", ["v1.2.2"], ["README.md", "Makefile"])

    assert left == [
        "pyproject.toml has no URL named Repository",
        "CHANGELOG.md has no date for 1.2.3",
        "the commit has no tag v1.2.3",
        "not committed: README.md, Makefile",
    ]
