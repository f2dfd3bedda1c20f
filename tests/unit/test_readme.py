from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("page", "tasks"),
    [
        ("README.md", ["send", "wait", "load"]),
        ("docs/approve-a-campaign.md", ["plan", "approve", "canary", "watch", "send", "wait", "load"]),
    ],
)
def test_the_dags_of_the_readme_and_of_a_team_are_valid(page: str, tasks: list[str]) -> None:
    code = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    [dag] = [block for block in code if "with DAG(" in block]
    names: dict[str, Any] = {}

    exec(compile(dag, page, "exec"), names)

    assert [task.task_id for task in names["load"].dag.topological_sort()] == tasks


def test_every_page_that_the_readme_and_the_docs_link_to_exists() -> None:
    pages = [page for folder in ("", "docs", "docs/decisions", "benchmarks") for page in (ROOT / folder).glob("*.md")]
    links = [
        page.parent / link
        for page in pages
        for link in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
        if "://" not in link
    ]

    assert len(links) > 5
    assert [str(link) for link in links if not link.exists()] == []


def test_the_readme_has_fewer_than_120_lines_and_one_picture() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")

    assert len(text.splitlines()) < 120
    assert text.count("](docs/pictures/") == 1


def test_the_figures_of_the_readme_are_those_of_the_pages_that_they_come_from() -> None:
    rows = re.findall(r"^\| (.*) \| (.*) \| \[.*?\]\((.*)\) \|$", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    pages = {page: (ROOT / page).read_text(encoding="utf-8") for _, _, page in rows}

    assert len(rows) == 5
    assert [
        (what, number)
        for what, figure, page in rows
        for number in re.findall(r"\d[\d,.]*\b", figure)
        if not re.search(rf"(?<![\d,.]){re.escape(number)}(?![\d,.]*\d)", pages[page])
    ] == []


@pytest.mark.parametrize(
    "file",
    [
        "README.md",
        "docs/approve-a-campaign.md",
        *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("dags/*.py")),
    ],
)
def test_every_sensor_that_people_copy_has_a_timeout(file: str) -> None:
    sensors = re.findall(r"RcsCampaignSensor\((.*?deferrable=True.*?)\)", (ROOT / file).read_text("utf-8"), re.DOTALL)

    assert [sensor for sensor in sensors if "timeout=" not in sensor] == []
