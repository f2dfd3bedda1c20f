"""The texts that the pages for troubles quote are texts of the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.unit.test_imports import modules, tree

DOCS = Path(__file__).parents[2] / "docs"
STRINGS = [
    node.value
    for module in modules()
    for node in ast.walk(tree(module))
    if isinstance(node, ast.Constant) and isinstance(node.value, str)
]


def quoted(page: str) -> set[str]:
    """Return what a page quotes of errors and logs in its tables and sentences: code of several words."""
    text = (DOCS / page).read_text(encoding="utf-8").partition("<!-- Written by")[0]
    outside_blocks = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.DOTALL | re.MULTILINE)
    spans = {" ".join(span.split()) for span in re.findall(r"`([^`]+)`", outside_blocks)}
    commands = ("airflow", "pip ", "make ", "GET ", "POST ", "python ", "[rcs]", "[metrics]", "WHERE ", "can read ")
    return {span for span in spans if " " in span and not span.startswith(commands) and "=" not in span}


@pytest.mark.parametrize(
    ("page", "text"),
    [
        (page, text)
        for page in ("troubleshoot.md", "upgrade.md", "back-up-and-restore.md", "settle-messages-in-doubt.md")
        for text in sorted(quoted(page))
    ],
)
def test_each_text_that_is_quoted_is_in_the_code(page: str, text: str) -> None:
    # An error of an argument begins with the argument's name, which the code does not repeat.
    parts = re.sub(r"^\w+: ", "", text).split("...")

    assert all(any(part.strip() in string for string in STRINGS) for part in parts if part.strip())
