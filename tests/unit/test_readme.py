from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


def test_the_dag_of_the_readme_is_one_that_airflow_takes() -> None:
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert code is not None
    names: dict[str, Any] = {}

    exec(compile(code[1], "README.md", "exec"), names)

    assert [task.task_id for task in names["load"].dag.topological_sort()] == ["send", "wait", "load"]


def test_every_page_that_the_readme_and_the_docs_link_to_is_there() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    links = [
        page.parent / link
        for page in pages
        for link in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
        if "://" not in link
    ]

    assert len(links) > 5
    assert [str(link) for link in links if not link.exists()] == []
