"""The architecture page names files that exist, and one file for each question."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "airflow_provider_rcs"
PAGES = [ROOT / "docs" / "architecture.md", *(ROOT / "docs" / "decisions").glob("*.md"), ROOT / "CONTRIBUTING.md"]
QUESTIONS = re.findall(
    r"^\| (.*\?) \| (.*?) \|",
    PAGES[0].read_text(encoding="utf-8").partition("## Where is it decided?")[2].partition("\n## ")[0],
    re.MULTILINE,
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_module_that_a_page_names_by_its_path_exists(page: Path) -> None:
    paths = set(re.findall(r"`([\w/]+/\w+\.py)`", page.read_text(encoding="utf-8")))

    assert {path for path in paths if not (PACKAGE / path).exists() and not (ROOT / path).exists()} == set()


@pytest.mark.parametrize(("question", "answer"), QUESTIONS)
def test_a_question_of_where_something_is_decided_is_answered_by_one_file(question: str, answer: str) -> None:
    (file,) = re.findall(r"`([^`]+)`", answer)

    assert (PACKAGE / file).is_file()


def test_all_nine_questions_of_where_something_is_decided_are_answered() -> None:
    assert len(QUESTIONS) == 9
