from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("number", "tasks"),
    [(0, ["send", "wait", "load"]), (1, ["plan", "approve", "canary", "watch", "send", "wait", "load"])],
)
def test_the_dags_of_the_readme_are_valid(number: int, tasks: list[str]) -> None:
    code = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {}

    exec(compile(code[number], "README.md", "exec"), names)

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


@pytest.mark.parametrize("file", ["README.md", *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("dags/*.py"))])
def test_every_sensor_that_people_copy_has_a_timeout(file: str) -> None:
    sensors = re.findall(r"RcsCampaignSensor\((.*?deferrable=True.*?)\)", (ROOT / file).read_text("utf-8"), re.DOTALL)

    assert [sensor for sensor in sensors if "timeout=" not in sensor] == []
