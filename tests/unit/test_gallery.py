"""The page that lists the example DAGs, and what all of them have in common."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from jinja2 import Template

ROOT = Path(__file__).parents[2]
DAGS = sorted((ROOT / "dags").glob("*.py"))
ROW = re.compile(r"^\| \[(\w+)\]\(\.\./dags/(\w+)\.py\) \| (.+?) \| (.+) \|$", re.MULTILINE)
# The default name of a campaign that a parameter names otherwise.
CAMPAIGN = re.compile(r'campaign"?[=:] ?"({{ params.campaign or .+? }})"')


def docstring(file: Path) -> str:
    return ast.get_docstring(ast.parse(file.read_text("utf-8"))) or ""


def test_the_gallery_lists_every_dag_with_the_first_line_of_its_docstring() -> None:
    page = (ROOT / "docs" / "gallery.md").read_text("utf-8")

    listed = {name: (file, what) for name, file, what, _ in ROW.findall(page)}

    assert listed == {file.stem: (file.stem, docstring(file).partition("\n")[0]) for file in DAGS}


@pytest.mark.parametrize("file", DAGS, ids=lambda file: file.stem)
def test_the_docstring_of_a_dag_says_when_to_use_it_and_which_connections_it_needs(file: Path) -> None:
    _, _, details = docstring(file).partition("\n\n")

    assert details.startswith("Use it ")
    assert "Connections:" in details


@pytest.mark.parametrize("file", DAGS, ids=lambda file: file.stem)
def test_the_id_of_a_dag_is_the_name_of_its_file_and_airflow_shows_the_docstring(file: Path) -> None:
    code = file.read_text("utf-8")

    assert f'dag_id="{file.stem}"' in code or f"def {file.stem}()" in code
    assert "doc_md=__doc__" in code


@pytest.mark.parametrize("file", DAGS, ids=lambda file: file.stem)
def test_airflow_retries_each_task_of_a_dag_unless_a_person_waits_for_it_or_it_shows_a_failure(file: Path) -> None:
    is_retried = 'default_args={"retries": 3' in file.read_text("utf-8")

    assert is_retried == (file.stem not in {"rcs_maintenance", "rcs_notify_on_failure"})


def test_dags_whose_runs_have_the_same_id_do_not_share_a_campaign() -> None:
    names = [
        Template(name).render(params={}, dag={"dag_id": file.stem}, run_id="scheduled__2026-12-01T09:00:00+00:00")
        for file in DAGS
        for name in CAMPAIGN.findall(file.read_text("utf-8"))
    ]

    assert len(names) == len({*names}) == 3


def test_make_runs_every_dag() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8").replace("\\\n", " ")
    [files] = re.findall(r"^EXAMPLE_DAGS := (.*)$", makefile, re.MULTILINE)
    tests = "\n".join((ROOT / file).read_text("utf-8") for file in files.split())

    assert [file.stem for file in DAGS if f'"{file.stem}"' not in tests] == []
